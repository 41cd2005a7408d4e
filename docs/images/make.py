"""The README's pictures, taken of real pages in headless Chromium.

    python -m docs.images.make          # from the repository's root; needs policyclf[test] and Chromium

Writes report-en.png and report-ja.png beside this file. Both policies are invented. Install the
fonts Inter and Noto Sans CJK first (Debian: fonts-inter fonts-noto-cjk), or the pictures look otherwise.
"""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import policyclf
from policyclf import report
from tests.browser import chromium
from training import corpus

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
LIMIT = 300_000  # bytes a picture

# name, language of the reader, policy, words of the clause whose scores are open, height of the window
PICTURES = (
    ("report-en.png", "en", "examples/kazehaya-bicycles.md", "never sell", 900),
    ("report-ja.png", "ja", "data/policies/ja/iwashigumo-apps.txt", "", 900),
)


def main() -> None:
    """Take the pictures."""
    classifier = policyclf.load()
    for name, language, path, words, height in PICTURES:
        source = ROOT / path
        text = corpus.load([source])[0].text if "policies" in path else source.read_text(encoding="utf-8")
        document = report.document_of(classifier.classify(text), source.name)
        with TemporaryDirectory() as folder, chromium(language) as browser:
            page = Path(folder) / "page.html"
            report.write(report.render([document], model=classifier.config.name), page)
            browser.open(page, height=height, prefers_color_scheme="light")
            browser.js("document.documentElement.style.scrollBehavior = 'auto'; return 0")
            clauses = browser.find("main bdi.c")
            at = next((i for i, clause in enumerate(clauses) if words and words in clause.text), None)
            if at is not None:
                browser.click("main bdi.c", at)
                browser.js("window.scrollTo(0, 0); return 0")
            browser.js("document.getAnimations().forEach(a => a.finish()); return 0")
            picture = browser.driver.get_screenshot_as_png()
        if len(picture) > LIMIT:
            raise SystemExit(f"{name}: {len(picture):,} bytes are more than {LIMIT:,}")
        (HERE / name).write_bytes(picture)
        print(f"{name}: {len(picture):,} bytes")


if __name__ == "__main__":
    main()
