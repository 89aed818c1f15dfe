"use strict";
(() => {
  const filas = [...document.querySelectorAll("ol > li")];
  const textos = new Map();
  const cuenta = document.getElementById("cuantas");
  const busca = document.getElementById("busca");
  const casillas = (nombre) => [...document.querySelectorAll(`input[name="${nombre}"]`)];
  const marcadas = (nombre) => new Set(casillas(nombre).filter((c) => c.checked).map((c) => c.value));

  const texto = (fila) => {
    if (!textos.has(fila)) textos.set(fila, fila.textContent.toLowerCase());
    return textos.get(fila);
  };

  const filtrar = () => {
    const agentes = marcadas("agente");
    const tipos = marcadas("tipo");
    const buscado = busca.value.trim().toLowerCase();
    let visibles = 0;
    for (const fila of filas) {
      const sale = agentes.has(fila.dataset.a) && tipos.has(fila.dataset.t)
        && (!buscado || texto(fila).includes(buscado));
      if (fila.hidden === sale) fila.hidden = !sale;
      if (sale) visibles += 1;
    }
    cuenta.textContent = `${visibles} de ${filas.length} hechos`;
  };

  const mostrarDestino = () => {
    const fila = document.getElementById(location.hash.slice(1));
    if (fila && fila.hidden) {
      fila.hidden = false;
      fila.scrollIntoView({ block: "center" });
    }
  };

  let espera = 0;
  busca.addEventListener("input", () => {
    clearTimeout(espera);
    espera = setTimeout(filtrar, 150);
  });
  document.addEventListener("change", (suceso) => {
    if (suceso.target.name === "agente" || suceso.target.name === "tipo") filtrar();
  });
  document.addEventListener("click", (suceso) => {
    const boton = suceso.target.closest("button");
    if (!boton) return;
    const { marca, valor, rama, tema } = boton.dataset;
    if (marca) for (const casilla of casillas(marca)) casilla.checked = valor === "si";
    if (rama !== undefined) {
      const suyas = new Set(boton.closest("li").querySelectorAll('input[name="agente"]'));
      for (const casilla of casillas("agente")) casilla.checked = suyas.has(casilla);
    }
    if (tema !== undefined) {
      const raiz = document.documentElement;
      const oscuro = raiz.dataset.tema
        ? raiz.dataset.tema === "oscuro"
        : matchMedia("(prefers-color-scheme: dark)").matches;
      raiz.dataset.tema = oscuro ? "claro" : "oscuro";
    }
    filtrar();
  });
  addEventListener("hashchange", mostrarDestino);
  for (const parte of document.querySelectorAll("[data-con-js]")) parte.hidden = false;
  filtrar();
  mostrarDestino();
})();
