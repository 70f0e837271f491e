"use strict";
(() => {
  const table = document.querySelector("table.roll");
  if (!table) return;
  const body = table.tBodies[0];
  const rows = Array.from(body.rows);
  const heads = Array.from(table.tHead.rows[0].cells);
  const order = new Intl.Collator("en", { numeric: true });
  const value = (row, column) => row.cells[column].textContent.trim();
  const number = (text) => (text === "" ? -1 : parseFloat(text));
  // Submission and status are words, all other columns begin with a number or are empty: no score.
  const compare = (a, b, column) =>
    (column > 1 && number(value(a, column)) - number(value(b, column))) || order.compare(value(a, column), value(b, column));

  const sort = (column) => {
    const head = heads[column];
    const down = head.getAttribute("aria-sort") === "ascending";
    heads.forEach((other) => other.removeAttribute("aria-sort"));
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    const sign = down ? -1 : 1;
    rows.slice().sort((a, b) => sign * compare(a, b, column)).forEach((row) => body.append(row));
  };
  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.title = "Sort by this column";
    button.append(...head.childNodes);
    button.addEventListener("click", () => sort(column));
    head.append(button);
  });

  const place = document.getElementById("find");
  const label = document.createElement("label");
  const field = document.createElement("input");
  const told = document.createElement("span");
  field.type = "search";
  told.setAttribute("role", "status");
  label.append("Find a submission", field);
  place.append(label, " ", told);
  field.addEventListener("input", () => {
    const wanted = field.value.trim().toLowerCase();
    let shown = 0;
    rows.forEach((row) => {
      row.hidden = !row.cells[0].textContent.toLowerCase().includes(wanted);
      shown += row.hidden ? 0 : 1;
    });
    told.textContent = wanted ? `${shown} of ${rows.length}` : "";
  });
})();
