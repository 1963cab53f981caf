"use strict";
// Tables of class "sorts": a click on a heading sorts by that column, another click turns the order around.
// A cell is sorted by its data-v, or by its text; what is no number comes last.
for (const table of document.querySelectorAll("table.sorts")) {
  const heads = [...table.tHead.rows[0].cells];
  const value = (row, k) => row.cells[k].dataset.v ?? row.cells[k].textContent.trim();
  const sort = (head, k) => {
    const first = head.dataset.first || "ascending";
    const other = first === "ascending" ? "descending" : "ascending";
    const way = head.getAttribute("aria-sort") === first ? other : first;
    heads.forEach((one) => one.removeAttribute("aria-sort"));
    head.setAttribute("aria-sort", way);
    const sign = way === "ascending" ? 1 : -1;
    const words = !head.classList.contains("num");
    const rows = [...table.tBodies[0].rows];
    rows.sort((a, b) => {
      const [x, y] = [value(a, k), value(b, k)];
      if (words) return sign * x.localeCompare(y);
      const [p, q] = [parseFloat(x), parseFloat(y)];
      if (Number.isNaN(p) || Number.isNaN(q)) return Number.isNaN(p) - Number.isNaN(q);
      return sign * (p - q);
    });
    table.tBodies[0].append(...rows);
  };
  heads.forEach((head, k) => {
    head.tabIndex = 0;
    head.classList.add("sortable");
    head.addEventListener("click", () => sort(head, k));
    head.addEventListener("keydown", (event) => {
      if (event.key === "Enter" || event.key === " ") {
        event.preventDefault();
        sort(head, k);
      }
    });
  });
}
// On paper nothing can be unfolded.
addEventListener("beforeprint", () => document.querySelectorAll("details").forEach((one) => (one.open = true)));
