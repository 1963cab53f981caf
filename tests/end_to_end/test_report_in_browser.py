"""The report as a browser shows it: nothing of the data runs, nothing is fetched, dark is dark, a phone holds it."""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from PIL import Image
from specimen import specimen, with_rows

from longtail.report import render

BROWSER = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), None
)
pytestmark = pytest.mark.skipif(BROWSER is None, reason="no Chromium is installed")

EVIL = "<script>document.title='ran'</script>"
LABELS = (EVIL, "$x$", "猫と犬", "]]><img src=x onerror=document.title='ran'>")
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--hide-scrollbars",
)  # fmt: skip

# The page's policy allows its own script and no other; measuring needs one, so it is put into a copy without it.
MEASURE = """<script>addEventListener("load", () => {
  const all = [...document.querySelectorAll("main > section > *, header, h1")];
  const label = [...document.querySelectorAll("svg text")].find(t => t.textContent === "猫と犬");
  top.document.body.dataset.seen = JSON.stringify({
    inner: innerWidth, wide: document.documentElement.scrollWidth,
    out: all.filter(e => e.getBoundingClientRect().right > innerWidth + 1).map(e => e.outerHTML.slice(0, 80)),
    cut: [...document.querySelectorAll("figure svg")]
      .filter(e => e.getBoundingClientRect().right > innerWidth + 1).length,
    laps: [...document.querySelectorAll("figure svg")].flatMap(svg => {
      const words = [...svg.querySelectorAll("text")].map(t => [t.textContent, t.getBoundingClientRect()]);
      const over = (a, b) => Math.min(a.right, b.right) - Math.max(a.left, b.left) > 2
        && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 4;
      return words.flatMap(([s, a], k) => words.slice(k + 1).filter(([, b]) => over(a, b)).map(([t]) => s + " | " + t));
    }),
    spills: [...document.querySelectorAll("figure svg")].flatMap(svg => {
      const box = svg.getBoundingClientRect();
      return [...svg.querySelectorAll("text")].filter(t => {
        const r = t.getBoundingClientRect();
        return r.left < box.left - 1 || r.right > box.right + 1 || r.top < box.top - 1 || r.bottom > box.bottom + 1;
      }).map(t => t.textContent);
    }),
    scrolls: [...document.querySelectorAll(".framed")].filter(e => e.scrollWidth > e.clientWidth + 1).length,
    frames: document.querySelectorAll(".framed").length, tables: document.querySelectorAll("table").length,
    sorted: (() => {
      const table = document.querySelector("table.sorts"), order = () =>
        [...table.tBodies[0].rows].map(r => r.cells[0].dataset.v).join("");
      const found = [order()];
      const head = [...table.tHead.rows[0].cells].find(h => h.textContent.startsWith("#"));
      for (let k = 0; k < 3; k++) { head.click(); found.push(order()); }
      return found;
    })(),
    mistakes: (() => {
      const fold = [...document.querySelectorAll("#mistakes details")][0];
      if (!fold) return null;
      const tall = () => fold.getBoundingClientRect().height, seen = [fold.open, tall()];
      fold.querySelector("summary").click();
      const picture = fold.querySelector("img"), frame = fold.querySelector(".framed");
      return [...seen, fold.open, tall(), picture.complete && picture.naturalWidth, frame.clientWidth];
    })(),
    scripts: document.scripts.length, images: document.images.length, title: document.title,
    page: getComputedStyle(document.body).backgroundColor, ink: label && getComputedStyle(label).fill,
    label: label && label.getBBox().width, fetched: performance.getEntriesByType("resource").length,
  });
});</script>"""


@pytest.fixture(scope="module")
def page() -> str:
    return render(specimen(num_classes=4, folds=2, names=LABELS))


@pytest.fixture(scope="module")
def with_mistakes() -> str:
    """Two classes, curves, and so many mistakes that they are folded; each with words and a picture."""
    results = specimen(num_classes=2, folds=2, names=("well", LABELS[2]), recipes=("erm", "crt"))
    return render(with_rows(results, 20, words=f"{EVIL} " + "cell=1.234, " * 20))


def browse(folder: Path, text: str, *flags: str) -> str:
    """The DOM after loading."""
    (folder / "report.html").write_text(text, encoding="utf-8")
    profile = f"--user-data-dir={folder / 'profile'}"
    command = [
        str(BROWSER),
        *FLAGS,
        profile,
        "--virtual-time-budget=2000",
        *flags,
        f"file://{folder / 'report.html'}",
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


def measured(folder: Path, text: str, *flags: str, width: int = 1200) -> dict[str, object]:
    """What MEASURE sees with the page in a frame of ``width`` pixels: windows cannot be as narrow as a phone."""
    open_page, n = re.subn(r"<meta http-equiv=\"Content-Security-Policy\"[^>]*>", "", text)
    assert n == 1
    inside = html.escape(open_page.replace("</body>", MEASURE + "</body>"))
    frame = (
        f'<body><iframe srcdoc="{inside}" style="width: {width}px; height: 900px; border: 0"></iframe></body>'
    )
    dom = browse(folder, frame, "--dump-dom", *flags)
    found = re.search(r'data-seen="([^"]*)"', dom)
    assert found
    return json.loads(html.unescape(found[1]))


def test_labels_are_shown_and_nothing_runs(tmp_path: Path, page: str) -> None:
    """Even without the page's policy against scripts."""
    seen = measured(tmp_path, page)
    assert seen["scripts"] == 2  # the page's and the measuring one
    assert seen["images"] == 0
    assert seen["fetched"] == 0
    assert seen["title"] == "animals: 6 recipes compared"


def test_letters_of_any_script_are_drawn_as_text(tmp_path: Path, page: str) -> None:
    fonts = (
        subprocess.run(["fc-list", ":lang=zh"], capture_output=True, text=True).stdout
        if shutil.which("fc-list")
        else ""
    )
    if not fonts:
        pytest.skip("no font with Chinese letters is installed")
    assert float(str(measured(tmp_path, page)["label"])) > 20  # 猫と犬


@pytest.mark.parametrize("width", [390, 900, 1400])
def test_nothing_overflows(tmp_path: Path, page: str, width: int) -> None:
    seen = measured(tmp_path, page, width=width)
    assert seen["inner"] == width
    assert seen["out"] == []
    assert seen["wide"] == width
    assert seen["cut"] == 0
    assert seen["laps"] == []  # no word of a figure on another
    assert seen["spills"] == []
    assert seen["frames"] == seen["tables"]
    if width == 1400:
        assert seen["scrolls"] == 0  # whole tables


def test_with_many_classes_no_word_of_a_figure_is_cut_or_on_another(tmp_path: Path) -> None:
    some = specimen(num_classes=40, folds=2, largest=60, recipes=("erm", "crt"))
    seen = measured(tmp_path, render(some), width=1400)
    assert (seen["laps"], seen["spills"], seen["cut"], seen["out"]) == ([], [], 0, [])


@pytest.mark.parametrize("width", [390, 1400])
def test_mistakes_unfold_by_a_click_in_their_own_frame(
    tmp_path: Path, with_mistakes: str, width: int
) -> None:
    seen = measured(tmp_path, with_mistakes, width=width)
    was_open, folded, is_open, unfolded, picture, frame = seen["mistakes"]  # type: ignore[misc]
    assert (was_open, is_open) == (False, True)
    assert folded < 40 < 20 * 30 < unfolded  # a line of text; twenty rows
    assert picture == 4  # its own pixels: it was decoded
    assert frame < width
    assert (seen["wide"], seen["out"], seen["cut"]) == (width, [], 0)
    assert seen["frames"] == seen["tables"]
    assert seen["title"] == "animals: 2 recipes compared"  # no cell ran


def test_the_policy_shows_pictures_that_are_in_the_page(tmp_path: Path, with_mistakes: str) -> None:
    def magenta(text: str, name: str) -> int:
        browse(tmp_path, text, f"--screenshot={tmp_path / name}", "--window-size=1000,9000")
        with Image.open(tmp_path / name) as shot:
            colours = shot.convert("RGB").getcolors(1_000_000) or []
        return sum(n for n, colour in colours if colour == (255, 0, 255))

    before, place, after = with_mistakes.partition('<section id="mistakes">')
    page = before + place + after.replace("<details>", "<details open>", 1)
    assert magenta(page, "shown.png") > 20 * 500
    assert magenta(page.replace("img-src data:", "img-src 'none'"), "refused.png") == 0


def test_a_click_sorts_and_another_turns_around(tmp_path: Path, page: str) -> None:
    assert measured(tmp_path, page)["sorted"] == ["123456", "123456", "654321", "123456"]


def test_the_policy_lets_the_page_s_script_run_and_no_other(tmp_path: Path, page: str) -> None:
    dom = browse(tmp_path, page.replace("</body>", f"{EVIL}</body>"), "--dump-dom")
    assert 'class="num sortable"' in dom
    assert "<title>animals: 6 recipes compared</title>" in dom


def test_dark_and_light_differ(tmp_path: Path, page: str) -> None:
    light = measured(tmp_path, page, "--blink-settings=preferredColorScheme=1")
    dark = measured(tmp_path, page, "--blink-settings=preferredColorScheme=0")

    def brightness(colour: object) -> float:
        return sum(map(float, re.findall(r"[\d.]+", str(colour))[:3])) / 3

    assert brightness(light["page"]) > 200 > 100 > brightness(light["ink"])
    assert brightness(dark["page"]) < 60 < 180 < brightness(dark["ink"])


def test_a_picture_of_it_is_not_blank(tmp_path: Path, page: str) -> None:
    target = tmp_path / "report.png"
    browse(tmp_path, page, f"--screenshot={target}", "--window-size=1000,3000")
    with Image.open(target) as picture:
        colours = picture.convert("RGB").getcolors(1_000_000)
    assert colours is not None
    assert len(colours) > 50
