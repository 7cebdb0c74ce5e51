"use strict";
(() => {
  const button = document.getElementById("theme");
  const root = document.documentElement;
  button.onclick = () => {
    const dark = (root.dataset.theme || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";
    root.dataset.theme = dark ? "light" : "dark";
  };
  button.hidden = false;
})();
