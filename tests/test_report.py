"""The page in a real Chromium: reading, filtering, comparing, printing, and what attacks it."""

from __future__ import annotations

import base64
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from pathlib import Path

import pytest

from policyclf import Practice, report
from tests import browser as browsers
from tests.browser import Browser
from tests.pages import (
    ENGLISH,
    ENGLISH_TAGS,
    HOSTILE,
    HOSTILE_TAGS,
    JAPANESE,
    JAPANESE_TAGS,
    NEWER,
    NEWER_TAGS,
    POLICY,
    TAGS,
    labelled,
)

FIRST, RETENTION, CHOICE = (
    list(Practice).index(p)
    for p in (Practice.FIRST_PARTY_COLLECTION_USE, Practice.DATA_RETENTION, Practice.USER_CHOICE_CONTROL)
)

# Text that stands below 4.5:1 on what lies under it (WCAG 1.4.3), in any element that shows.
CONTRAST = r"""
const canvas = Object.assign(document.createElement('canvas'), { width: 1, height: 1 });
const context = canvas.getContext('2d', { willReadFrequently: true });
const pixel = (colours) => {
  context.clearRect(0, 0, 1, 1);
  for (const colour of colours) { context.fillStyle = colour; context.fillRect(0, 0, 1, 1); }
  return [...context.getImageData(0, 0, 1, 1).data].slice(0, 3);
};
const luminance = (rgb) => rgb.map((v) => v / 255)
  .map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
  .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
const poor = [];
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
for (let node = walker.nextNode(); node; node = walker.nextNode()) {
  const element = node.parentElement;
  if (!node.textContent.trim() || element.closest('script, style, .sr, :disabled')) continue;
  if (!element.checkVisibility({ visibilityProperty: true, opacityProperty: true })) continue;
  const layers = [];
  for (let at = element; at; at = at.parentElement) {
    const { backgroundColor, backgroundImage } = getComputedStyle(at);
    // of a hatched ground the stripes, which are the darker part (the lighter one in the dark)
    layers.unshift(backgroundColor, ...(backgroundImage.match(/(color|rgba?)\([^)]*\)/g) || []).slice(0, 1));
  }
  const under = pixel(['white', ...layers]);
  const text = pixel(['white', ...layers, getComputedStyle(element).color]);
  const [a, b] = [luminance(under), luminance(text)].sort((x, y) => x - y);
  const ratio = (b + 0.05) / (a + 0.05);
  if (ratio < 4.5) poor.push([node.textContent.trim().slice(0, 30), element.className, ratio.toFixed(2)]);
}
return poor;
"""


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    browsers.required()
    with browsers.chromium("en") as browser:
        yield browser


@pytest.fixture
def browser(chromium: Browser) -> Iterator[Browser]:
    """Chromium, and at the end of each test: no word in the console, no request but the page's own."""
    yield chromium
    assert chromium.logs() == []
    asked = chromium.requests()
    assert asked
    assert [address for address in asked if not address.startswith(("file:///", "data:,"))] == []
    assert len([address for address in asked if address.startswith("file:///")]) == 1


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One page of each sort."""
    out = tmp_path_factory.mktemp("pages")
    policy = report.document_of(labelled(POLICY, TAGS), "kites.md")
    newer = report.document_of(labelled(NEWER, NEWER_TAGS), "kites-2027.md")
    english = report.document_of(labelled(ENGLISH, ENGLISH_TAGS), "privacy.en.md")
    japanese = report.document_of(labelled(JAPANESE, JAPANESE_TAGS), "privacy.ja.md")
    hostile = report.document_of(
        labelled(HOSTILE, HOSTILE_TAGS), '"><script>window.owned=9</script>\u202egpj.md'
    )
    pages = {
        "one": [policy], "versions": [policy, newer], "languages": [english, japanese],
        "three": [policy, english, japanese], "hostile": [hostile], "hostile-pair": [hostile, policy],
        "japanese": [japanese],
    }  # fmt: skip
    for name, documents in pages.items():
        report.write(report.render(documents, model="a-model"), out / f"{name}.html")
    report.write(report.render([policy], language="ja"), out / "chosen.html")
    return out


def shown(browser: Browser, selector: str) -> list[str]:
    """Texts of the elements that can be seen."""
    return [e.text for e in browser.find(selector) if e.is_displayed() and e.text]


def lit(browser: Browser) -> list[str]:
    """Texts of the clauses that the filter leaves as they are."""
    return [text for text in shown(browser, "main bdi.c:not(.off)") if text]


# Reading


def test_the_policy_is_there_with_its_layout(browser: Browser, folder: Path) -> None:
    browser.open(folder / "one.html")
    assert shown(browser, "main h2, main h3") == [
        "Privacy at Fennimore Kites",
        "What we ask for",
        "保存と安全管理",
    ]
    assert [e.tag_name for e in browser.find("main article > *")] == [
        "h2", "p", "h3", "p", "ul", "p", "div", "blockquote", "h3", "p",
    ]  # fmt: skip
    assert len(browser.find("main ul ul > li")) == 2
    assert shown(browser, "main th") == ["Data", "Kept for"]
    first = browser.js("document.querySelectorAll('main li')[0].getBoundingClientRect().x")
    nested = browser.js("document.querySelector('main li li').getBoundingClientRect().x")
    assert nested > first
    assert browser.js("document.querySelector('main p[lang=ja]').lang") == "ja"
    assert shown(browser, "main p[lang=ja] bdi.c") == [
        "当社は、ご注文の記録を７年間保存します。", "記録は暗号化して保管します。",
    ]  # fmt: skip


def test_practice_denial_and_evidence_are_seen_without_colour_too(browser: Browser, folder: Path) -> None:
    browser.open(folder / "one.html")
    style = (
        "getComputedStyle([...document.querySelectorAll('main bdi.c')]"
        ".find(e => e.textContent.includes(arguments[0])))"
    )
    stated, denied = (
        browser.js(f"{style}.backgroundColor", text) for text in ("We make kites", "never sell")
    )
    assert stated != denied != "rgba(0, 0, 0, 0)"
    assert browser.js(f"{style}.backgroundImage", "We make kites") == "none"
    assert "repeating-linear-gradient" in browser.js(f"{style}.backgroundImage", "never sell")
    labels = shown(browser, "main .label")
    assert labels[:2] == ["General", "Collection"]
    assert "not Sharing" in labels
    evidence = browser.find("main u[data-e]")
    assert [e.text for e in evidence] == list(TAGS)
    assert all(e.value_of_css_property("text-decoration-line") == "underline" for e in evidence)


def test_the_table_says_what_is_stated_denied_and_missing(browser: Browser, folder: Path) -> None:
    browser.open(folder / "one.html")
    rows = [" ".join(row.text.split()) for row in browser.find(".practices tbody tr")]
    assert rows[FIRST] == "Collection First-party collection and use 3 1"
    assert rows[CHOICE] == "Choice User choice and control not found"
    assert rows[list(Practice).index(Practice.THIRD_PARTY_SHARING_COLLECTION)].endswith("1 1")
    assert len(rows) == len(Practice)


# Filtering


def test_filtering_with_the_mouse(browser: Browser, folder: Path) -> None:
    browser.open(folder / "one.html")
    everything = lit(browser)
    browser.click(f".filter[data-p='{RETENTION}']")
    kept = ["Orders", "seven years", "Letters", "one year", "当社は、ご注文の記録を７年間保存します。"]
    assert lit(browser) == kept
    assert browser.js("document.getElementById('count').innerText") == "3 of 13 clauses"
    assert browser.js("document.getElementById('status').textContent") == "Data retention: 3 of 13 clauses"
    browser.click(f".filter[data-p='{FIRST}']")
    assert len(lit(browser)) == len(kept) + 4
    browser.click(f".filter[data-p='{FIRST}']")
    assert lit(browser) == kept
    browser.click("#only")
    assert shown(browser, "main h2, main h3") == [
        "Privacy at Fennimore Kites",
        "What we ask for",
        "保存と安全管理",
    ]
    assert shown(browser, "main bdi.c") == kept
    assert shown(browser, "main th") == ["Data", "Kept for"]
    browser.click("#clear")
    assert lit(browser) == everything
    assert browser.js("document.getElementById('status').textContent") == "All 13 clauses are shown"


def test_filtering_and_reading_with_the_keyboard_alone(browser: Browser, folder: Path) -> None:
    browser.open(folder / "one.html")
    browser.press("TAB")
    assert browser.focused() == "skip"
    browser.press("TAB", "TAB", *["TAB"] * (RETENTION + 1))
    assert browser.focused() == f"filter p{RETENTION}"
    browser.press("SPACE")
    assert "当社は、ご注文の記録を７年間保存します。" in lit(browser)
    assert "We make kites in Ardmore and sell them by post." not in lit(browser)
    order = []
    for _ in range(len(Practice) - RETENTION + 8):
        browser.press("TAB")
        order.append(browser.focused())
        if order[-1] == "label":
            break
    assert order[-6:] == ["only", "back", "forth", "clear", "SUMMARY", "label"]
    focused = "document.getElementById(document.activeElement.dataset.for).textContent"
    assert browser.js(focused) == "Orders"
    browser.press("ARROW_DOWN", "ARROW_DOWN")
    assert browser.js(focused) == "当社は、ご注文の記録を７年間保存します。"
    browser.press("HOME")
    assert browser.js(focused) == "Orders"
    browser.press("ENTER")
    assert browser.focused() == "details"
    assert "Data retention" in browser.js("document.getElementById('details').innerText")
    assert browser.js("document.querySelector('.label[aria-expanded=true]').dataset.for") == browser.js(
        "document.querySelector('bdi.current').id"
    )
    browser.press("ESCAPE")
    assert browser.focused() == "label"
    assert browser.js("document.getElementById('details').hidden")
    browser.press("TAB")
    assert browser.js("document.activeElement.closest('.strip') !== null")


def test_going_from_match_to_match(browser: Browser, folder: Path) -> None:
    browser.open(folder / "one.html")
    browser.click(f".filter[data-p='{RETENTION}']")
    seen = []
    for _ in range(4):
        browser.click("#forth")
        seen.append(browser.js("document.querySelector('bdi.current').textContent"))
    assert seen == ["Orders", "Letters", "当社は、ご注文の記録を７年間保存します。", "Orders"]


# Scores


def test_scores_on_demand(browser: Browser, folder: Path) -> None:
    browser.open(folder / "one.html")
    assert not browser.find("#details")[0].is_displayed()
    at = browser.js(
        "[...document.querySelectorAll('main bdi.c')].findIndex(e => e.textContent.includes('never sell'))"
    )
    browser.click("main bdi.c", at)
    panel = browser.find("#details")[0]
    assert panel.is_displayed()
    assert "Third-party sharing and collection" in panel.text
    assert "the policy says that this is not done" in panel.text
    assert "Evidence: never sell" in panel.text
    scores = [" ".join(row.text.split()) for row in browser.find("#details-scores li")]
    assert scores[1] == "Sharing 90 %"
    assert scores[4] == "Retention 2 %"
    assert len(scores) == len(Practice)
    width = "document.querySelectorAll('#details-scores .bar i')[arguments[0]].getBoundingClientRect().width"
    assert browser.js(width, 1) > 20 * browser.js(width, 4) > 0
    browser.click("#details-back")
    assert "First-party collection and use" in browser.find("#details")[0].text
    assert browser.js("document.getElementById('status').textContent") == (
        "First-party collection and use 90 % (the policy says that this is not done)"
    )
    browser.click("#details-close")
    assert not panel.is_displayed()


def test_the_clause_is_not_behind_its_scores(browser: Browser, folder: Path) -> None:
    browser.open(folder / "one.html", height=500)
    for at in range(len(browser.find("main .label"))):
        browser.js("document.documentElement.style.scrollBehavior = 'auto'; return 0")
        browser.js(
            "window.scrollTo(0, 0); document.querySelectorAll('main .label')[arguments[0]].click(); return 0",
            at,
        )
        bottom = browser.js("document.querySelector('bdi.current').getBoundingClientRect().bottom")
        assert bottom <= browser.js("document.getElementById('details').getBoundingClientRect().top")


@pytest.mark.parametrize("name", ["one", "versions"])
@pytest.mark.parametrize("width", [390, 820, 1440, 1900])
def test_the_parts_keep_their_places(browser: Browser, folder: Path, name: str, width: int) -> None:
    browser.open(folder / f"{name}.html", width=width)
    box = "(r => [r.left, r.right])(document.querySelector(arguments[0]).getBoundingClientRect())"
    parts = [browser.js(box, part) for part in (".index", "main", ".map")]
    if width >= 1440:
        assert parts[0][1] <= parts[1][0]
    assert parts[1][1] <= parts[2][0]
    assert parts[1][1] - parts[1][0] >= min(0.45 * width, 704)  # 44 rem: a line that can be read
    browser.js("document.querySelectorAll('main .label')[2].click(); return 0")
    assert [browser.js(box, part) for part in (".index", "main", ".map")] == parts
    panel = browser.js(box, ".panel")
    assert abs(panel[0] - parts[1][0]) < 32
    assert panel[1] >= parts[1][1]
    bottom = browser.js("document.querySelector('.panel').getBoundingClientRect().bottom")
    assert bottom <= browser.js("innerHeight") + 1


# The strip


def test_the_strip_shows_where_each_practice_is_and_goes_there(browser: Browser, folder: Path) -> None:
    browser.open(folder / "one.html", height=420)
    ticks = browser.js(
        "return [...document.querySelectorAll('.strip a')].map(a => [Number(a.dataset.p),"
        " a.getAttribute('aria-label'), Number(a.firstChild.getAttribute('y'))])"
    )
    clauses = labelled(POLICY, TAGS)
    assert len(ticks) == sum(len(c.labels) for c in clauses)
    for practice, name, y in ticks:
        (clause,) = [
            c
            for c in clauses
            if list(Practice)[practice] in c.labels and abs(1000 * c.start / len(POLICY) - y) < 0.1
        ]
        assert name.startswith(list(Practice)[practice].name_in("en"))
        assert re.findall(r"\w+", clause.text)[-1] in name
    columns = browser.js(
        "return [...document.querySelectorAll('.strip g')].map(g => g.getBoundingClientRect().x)"
    )
    assert columns[FIRST] < columns[RETENTION]
    browser.click(".strip a", len(ticks) - 1)
    browser.js("document.documentElement.style.scrollBehavior = 'auto'; return 0")
    assert browser.js("document.activeElement.className") == "label"
    wanted = browser.js("[...document.querySelectorAll('.strip a')].at(-1).dataset.c")
    assert browser.js("document.activeElement.dataset.for") == wanted


def test_the_strip_follows_the_reader_and_the_arrow_keys(browser: Browser, folder: Path) -> None:
    browser.open(folder / "one.html", height=420)
    browser.js("document.documentElement.style.scrollBehavior = 'auto'; return 0")
    wait = "const done = arguments[0]; requestAnimationFrame(() => setTimeout(done, 120));"
    view = "Number(document.querySelector('.strip .view').getAttribute('y'))"
    browser.driver.execute_async_script(wait)
    top = browser.js(view)
    browser.js("document.querySelector('main article > :last-child').scrollIntoView(); return 0")
    browser.driver.execute_async_script(wait)
    assert browser.js(view) > top + 200
    browser.js("document.querySelector('.strip a[tabindex=\"0\"]').focus(); return 0")
    place = "(e => [Number(e.dataset.p), Number(e.firstChild.getAttribute('y'))])(document.activeElement)"
    before = browser.js(place)
    browser.press("ARROW_DOWN")
    below = browser.js(place)
    assert below[0] == before[0]
    assert below[1] > before[1]
    browser.press("ARROW_RIGHT")
    assert browser.js(place)[0] > before[0]
    browser.press("ENTER")
    assert browser.focused() == "label"
    assert browser.js("[...document.querySelectorAll('.strip a')].filter(a => a.tabIndex >= 0).length") == 1


# Comparison


def test_two_versions_side_by_side(browser: Browser, folder: Path) -> None:
    browser.open(folder / "versions.html")
    only = browser.js(
        "return [...document.querySelectorAll('.status.only')].map(s => ["
        "s.closest('.side').getAttribute('aria-label'),"
        " document.getElementById(s.previousElementSibling.dataset.for).textContent])"
    )
    assert only == [
        ["kites.md", "We never sell your data to anyone."],
        ["kites-2027.md", "You may cancel the catalogue at any time."],
    ]
    differing = shown(browser, "mark.diff")
    assert differing == ["and your height", "seven", "nine"]
    # what answers each other stands in one row
    rows = browser.js(
        "return [...document.querySelectorAll('.pair:not(.heads)')].map(p => [...p.querySelectorAll('.side')]"
        ".map(s => s.innerText.includes('centimetres')))"
    )
    assert [row for row in rows if any(row)] == [[True, True]]
    table = [" ".join(row.text.split()) for row in browser.find(".practices tbody tr")]
    assert table[CHOICE] == "Choice ≠ differs not found 1 stated"
    browser.click("#differences")
    assert {"We never sell your data to anyone.", "You may cancel the catalogue at any time."} < set(
        lit(browser)
    )
    assert "Write to kites@fennimore.example." not in shown(browser, "main bdi.c")
    assert browser.js("document.getElementById('count').innerText") == "6 of 26 clauses"


def test_a_clause_leads_to_its_counterpart(browser: Browser, folder: Path) -> None:
    browser.open(folder / "versions.html")
    browser.click("main .side:first-child .label", 3)
    twin = browser.js("document.querySelector('bdi.twin').closest('.side').getAttribute('aria-label')")
    assert twin == "kites-2027.md"
    browser.click("#details .answers button")
    assert (
        browser.js("document.querySelector('bdi.current').closest('.side').getAttribute('aria-label')")
        == twin
    )
    at = browser.js(
        "[...document.querySelectorAll('main .label')].findIndex(e => e.nextElementSibling?.matches('.only'))"
    )
    browser.click("main .label", at)
    assert "Nothing in the other answers this." in browser.find("#details")[0].text


def test_the_languages_of_one_policy_side_by_side(browser: Browser, folder: Path) -> None:
    browser.open(folder / "languages.html")
    rows = [
        [s.text for s in row.find_elements("css selector", ".side")]
        for row in browser.find(".pair:not(.heads)")
    ]
    flat = [[text.split("\n")[0] for text in row] for row in rows]
    assert ["Privacy", "個人情報保護方針"] in flat
    assert any(a.startswith("We ask for your name.") and b.startswith("お名前を伺います。") for a, b in flat)
    only = [status.find_element("xpath", "..").text for status in browser.find(".status.only")]
    assert sorted(text[:10] for text in only) == ["We never s", "ご注文の記録は七年間"]
    assert "aligned by practice and order" in browser.find(".facts")[0].text


# Languages of the interface


def test_the_page_speaks_english_and_japanese(browser: Browser, folder: Path) -> None:
    browser.open(folder / "one.html")
    assert browser.js("document.documentElement.lang") == "en"
    browser.click("[data-set=ja]")
    assert browser.js("document.documentElement.lang") == "ja"
    body = browser.find("body")[0].text
    for phrase in (
        "該当する文だけを表示",
        "記載なし",
        "第三者（否定）",
        "文書内の位置",
        "法的助言ではありません",
    ):
        assert phrase in body
    for phrase in ("Collection", "not found", "Show only"):
        assert phrase not in body
    assert browser.find("main")[0].get_attribute("aria-label") == "ポリシー"
    assert browser.js("document.querySelector('.strip a').getAttribute('aria-label')").startswith(
        "取得と利用："
    ) or (
        browser.js("document.querySelector('.strip a').getAttribute('aria-label')").startswith("取得と利用: ")
    )
    browser.click("main .label", 1)
    assert "13文のうち2番目" in browser.find("#details")[0].text
    assert browser.js("document.querySelector('[data-set=ja]').getAttribute('aria-pressed')") == "true"
    assert "We make kites in Ardmore and sell them by post." in lit(browser)  # never translated


def test_a_language_asked_for_is_kept(browser: Browser, folder: Path) -> None:
    browser.open(folder / "chosen.html")
    assert browser.js("document.documentElement.lang") == "ja"


def test_a_japanese_browser_gets_japanese(folder: Path) -> None:
    browsers.required()
    with browsers.chromium("ja") as japanese:
        japanese.open(folder / "one.html")
        assert japanese.js("document.documentElement.lang") == "ja"
        assert japanese.logs() == []


# Everybody


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", ["one", "versions", "languages", "hostile"])
def test_text_stands_out_in_light_and_dark(browser: Browser, folder: Path, name: str, scheme: str) -> None:
    browser.open(folder / f"{name}.html", prefers_color_scheme=scheme)
    paper = browser.js("getComputedStyle(document.body).backgroundColor")
    assert (sum(map(int, paper[4:-1].split(","))) < 150) == (scheme == "dark")
    browser.js("document.querySelector('details').open = true; return 0")
    browser.click("main .label", 1)
    assert browser.js(CONTRAST) == []
    browser.click(f".filter[data-p='{FIRST}']")
    browser.js("document.getAnimations().forEach(a => a.finish()); return 0")
    assert browser.js(CONTRAST) == []


@pytest.mark.parametrize("name", ["one", "versions", "three"])
def test_a_screen_reader_finds_its_way(browser: Browser, folder: Path, name: str) -> None:
    browser.open(folder / f"{name}.html")
    browser.click("main .label", 1)
    browser.cdp("Accessibility.enable")
    tree = [n for n in browser.cdp("Accessibility.getFullAXTree")["nodes"] if not n["ignored"]]
    browser.cdp("Accessibility.disable")

    def value(node: dict[str, dict[str, str]], key: str) -> str:
        return str(node.get(key, {}).get("value", ""))

    roles = [value(node, "role") for node in tree]
    for landmark in ("banner", "complementary", "main", "navigation", "contentinfo", "region", "status"):
        assert roles.count(landmark) == 1, landmark
    for node in tree:
        properties = {p["name"]: p["value"].get("value") for p in node.get("properties", [])}
        if properties.get("focusable") and value(node, "role") != "RootWebArea":
            assert any(c.isalpha() for c in value(node, "name")), node
        if value(node, "role") in ("complementary", "main", "navigation", "region", "table", "columnheader"):
            assert value(node, "name").strip() or value(node, "role") == "table", node
    levels = [
        p["value"]["value"]
        for n in tree
        if value(n, "role") == "heading"
        for p in n["properties"]
        if p["name"] == "level"
    ]
    assert levels[0] == 1
    assert all(b <= a + 1 for a, b in pairwise(levels))
    assert any(value(n, "role") == "button" and value(n, "name") == "not Collection" for n in tree)
    pressed = [n for n in tree if any(p["name"] == "pressed" for p in n.get("properties", []))]
    assert len(pressed) == len(Practice) + 2
    assert browser.js("new Set([...document.querySelectorAll('[id]')].map(e => e.id)).size") == browser.js(
        "document.querySelectorAll('[id]').length"
    )


@pytest.mark.parametrize("name", ["one", "versions", "hostile", "hostile-pair"])
@pytest.mark.parametrize("width", [320, 820, 1440, 2200])
def test_nothing_runs_out_of_the_window(browser: Browser, folder: Path, name: str, width: int) -> None:
    browser.open(folder / f"{name}.html", width=width)
    assert browser.js("document.documentElement.scrollWidth") <= width
    box = browser.js(
        "(r => [r.left, r.right, r.height])(document.querySelector('.strip').getBoundingClientRect())"
    )
    assert box[0] >= 0
    assert box[1] <= width
    assert box[2] > 200


def test_on_paper(browser: Browser, folder: Path) -> None:
    browser.open(folder / "one.html", media="print", prefers_color_scheme="light")
    for selector in (".controls", ".switch", ".map", ".skip"):
        assert not browser.find(selector)[0].is_displayed(), selector
    assert browser.find(".practices")[0].is_displayed()
    assert len(shown(browser, "main .label")) == 13
    clause = browser.find("main bdi.c.no")[0]
    assert clause.value_of_css_property("print-color-adjust") == "exact"
    printed = browser.cdp("Page.printToPDF", preferCSSPageSize=True)
    assert base64.b64decode(printed["data"]).startswith(b"%PDF-")


def test_forced_colours_and_reduced_motion(browser: Browser, folder: Path) -> None:
    browser.open(folder / "one.html", forced_colors="active", prefers_reduced_motion="reduce")
    clause = browser.find("main bdi.c.p0")[0]
    assert clause.value_of_css_property("border-bottom-style") == "solid"
    assert browser.js("getComputedStyle(document.documentElement).scrollBehavior") == "auto"


# Attacks


@pytest.mark.parametrize("name", ["hostile", "hostile-pair"])
def test_a_hostile_policy_runs_nothing_and_hides_nothing(browser: Browser, folder: Path, name: str) -> None:
    browser.open(folder / f"{name}.html")
    browser.click(f".filter[data-p='{FIRST}']")
    browser.click("#clear")
    for at in range(len(browser.find("main .label"))):
        browser.js("document.querySelectorAll('main .label')[arguments[0]].click(); return 0", at)
    browser.click("[data-set=ja]")
    browser.click("[data-set=en]")
    assert browser.js("typeof window.owned") == "undefined"
    assert (
        browser.js("document.querySelectorAll('img, iframe, object, main script, main style, main a').length")
        == 0
    )
    seen = browser.find("main")[0].text
    for part in (
        "<script>window.owned = 1</script>", 'onerror="window.owned = 2">',
        "</style><style>main { display: none }", "<svg onload=", "[here](javascript:window.owned=4)",
        "$heading ${body} &lt;b&gt;", "<!-- not shown -->", "m" * 600, "<b>a</b>", "</td></table><script>",
    ):  # fmt: skip
        assert part in seen, part
    for code in (
        "202E",
        "202C",
        "200B",
        "2066",
        "2069",
        "00AD",
        "200F",
        "200D",
        "0000",
        "001B",
        "D800",
        "3164",
        "E0041",
        "202D",
    ):
        assert f"U+{code}" in seen, code
    assert not set(browser.js("document.documentElement.outerHTML")) & set(
        "\u202e\u202d\u2066\u200b\u200f\x00"
    )
    # reversed by no override: letters stand from left to right in the order of the text
    positions = browser.js(
        "const walker = document.createTreeWalker(document.querySelector('main'), NodeFilter.SHOW_TEXT);"
        "for (let n = walker.nextNode(); n; n = walker.nextNode()) {"
        " const at = n.textContent.indexOf('even llew'); if (at < 0) continue;"
        " return [0, 1, 2, 3].map(i => { const r = document.createRange(); r.setStart(n, at + i);"
        " r.setEnd(n, at + i + 1); return r.getBoundingClientRect().left; }); } return [];"
    )
    assert len(positions) == 4
    assert positions == sorted(positions)
    # piled marks do not reach the lines above
    tall = browser.js(
        "Math.max(...[...document.querySelectorAll('main p, main li')]"
        ".map(e => e.scrollHeight - e.clientHeight))"
    )
    assert tall <= 4


def test_markup_that_gets_in_all_the_same_does_not_run(chromium: Browser, folder: Path) -> None:
    chromium.open(folder / "one.html")
    refused = chromium.js(
        "try { document.body.innerHTML += '<img src=x onerror=\"window.owned=1\">'; return 'taken'; }"
        " catch (error) { return error.name; }"
    )
    assert refused == "TypeError"  # Trusted Types
    chromium.js(
        "const b = document.createElement('button'); b.setAttribute('style', 'color: red'); b.id = 'b';"
        "document.body.append(b); return 0"
    )
    assert chromium.js("getComputedStyle(document.getElementById('b')).color") != "rgb(255, 0, 0)"
    said = " ".join(chromium.logs())
    assert "Content Security Policy" in said


def test_served_by_a_server_it_asks_for_nothing_more(chromium: Browser, folder: Path) -> None:
    page = (folder / "one.html").read_bytes()
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(page)))
            self.end_headers()
            self.wfile.write(page)

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            chromium.open(f"http://127.0.0.1:{server.server_port}/page")
            chromium.click(f".filter[data-p='{FIRST}']")
            assert chromium.logs() == []
            assert asked == ["/page"]
            # nor does an image that got in all the same
            chromium.js("document.body.append(Object.assign(new Image(), { src: '/x.png' })); return 0")
            assert "Content Security Policy" in " ".join(chromium.logs())
        finally:
            server.shutdown()
            thread.join()
    assert asked == ["/page"]


# Notebooks


def test_the_frame_in_a_notebook(chromium: Browser, folder: Path) -> None:
    frame = labelled(POLICY, TAGS)._repr_html_()
    outer = folder / "notebook.html"
    outer.write_text(
        f"<!doctype html><meta charset=utf-8><title>n</title><p>cell</p>{frame}", encoding="utf-8"
    )
    chromium.open(outer, width=1000)
    chromium.driver.switch_to.frame(0)
    try:
        assert "We make kites in Ardmore and sell them by post." in lit(chromium)
        assert not chromium.find(".top h1")[0].is_displayed()
        chromium.js(f"document.querySelector(\".filter[data-p='{RETENTION}']\").click(); return 0")
        assert "We make kites in Ardmore and sell them by post." not in lit(chromium)
        chromium.click(".strip a")
        assert chromium.js("location.href") == "about:srcdoc"
    finally:
        chromium.driver.switch_to.default_content()
    assert chromium.logs() == []
    assert [address for address in chromium.requests() if address.startswith("http")] == []
