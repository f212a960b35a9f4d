"use strict";
// Elements are made here alone: text goes in as text nodes, never as markup.
const $ = (selector, at) => (at || document).querySelector(selector);
function el(tag, props, ...kids) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(props || {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name === "cls" ? "class" : name, value === true ? "" : value);
  }
  put(node, ...kids);
  return node;
}
function put(node, ...kids) {
  for (const kid of kids.flat(Infinity)) {
    if (kid === null || kid === undefined || kid === false || kid === "") continue;
    node.append(kid instanceof Node ? kid : document.createTextNode(String(kid)));
  }
}
const parsed = (id) => JSON.parse(document.getElementById(id).textContent);
const DATA = parsed("data");
const number = (n) => n.toLocaleString("en-US");
const plural = (n, word, words) => number(n) + " " + (n === 1 ? word : words || word + "s");
function scaled(n, unit) {
  for (const prefix of ["", "k", "M", "G"]) {
    if (Math.abs(n) < 1000 || prefix === "G") return +n.toPrecision(3) + " " + prefix + unit;
    n /= 1000;
  }
}
const bytes = (n) => scaled(n, "B");
const rate = (n) => scaled(n, "bit/s");
function span(ns) {
  if (ns < 0) return "";
  if (ns >= 6e10) {
    const s = Math.round(ns / 1e9), h = Math.floor(s / 3600), m = Math.floor(s / 60) % 60;
    return h ? h + " h " + m + " min" : m + " min " + (s % 60) + " s";
  }
  for (const [unit, size] of [["s", 1e9], ["ms", 1e6], ["\u00b5s", 1e3]])
    if (ns >= size) return +(ns / size).toPrecision(3) + " " + unit;
  return ns + " ns";
}
function stamp(us) {
  const when = new Date(us / 1000);
  if (Number.isNaN(when.getTime())) return String(us / 1e6);
  return when.toISOString().replace("T", " ").replace(/\.\d+Z$/, "");
}
const since = (us) => (us / 1e6).toFixed(6);
const hex = (n) => "0x" + n.toString(16);
const chip = (kind, text, title) => el("span", { cls: "chip " + kind, title }, text);
const section = (text) => (text ? "[" + text + "]" : "");
