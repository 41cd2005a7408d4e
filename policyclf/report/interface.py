"""The page's own words, in English and Japanese.

A page holds both, and a reader switches between them; policy text is never translated.
"""

from __future__ import annotations

import json

from policyclf.practices import Practice
from policyclf.report.escaping import attribute, visible

__all__ = ["SHORT", "WORDS", "both", "pair", "script_words", "spoken"]

# The word beside a clause and over the strip: the second cue beside the colour.
SHORT = {
    Practice.FIRST_PARTY_COLLECTION_USE: ("Collection", "取得・利用"),
    Practice.THIRD_PARTY_SHARING_COLLECTION: ("Sharing", "第三者"),
    Practice.USER_CHOICE_CONTROL: ("Choice", "選択"),
    Practice.USER_ACCESS_EDIT_DELETION: ("Access", "開示等"),
    Practice.DATA_RETENTION: ("Retention", "保存期間"),
    Practice.DATA_SECURITY: ("Security", "安全管理"),
    Practice.POLICY_CHANGE: ("Changes", "改定"),
    Practice.DO_NOT_TRACK: ("Do Not Track", "追跡拒否"),
    Practice.INTERNATIONAL_SPECIFIC_AUDIENCES: ("Audiences", "越境・対象者"),
    Practice.INTRODUCTORY_GENERIC: ("General", "総則"),
    Practice.CONTACT_INFORMATION: ("Contact", "問い合わせ"),
    Practice.PRACTICE_NOT_COVERED: ("Other", "その他"),
}

WORDS = {
    "skip": ("Skip to the policy", "ポリシー本文へ移動"),
    "language": ("Language of this page", "表示言語"),
    "practices": ("Practices", "取扱いの分類"),
    "caption": (
        "What the policy states, denies and does not mention; choose practices to see their clauses",
        "ポリシーに記載されている取扱い、否定されている取扱い、記載のない取扱い（選ぶと該当する文を示します）",
    ),
    "practice": ("Practice", "分類"),
    "stated": ("States", "記載"),
    "denied": ("Denies", "否定"),
    "count_stated": ("{} stated", "記載 {}"),
    "count_denied": ("{} denied", "否定 {}"),
    "missing": ("not found", "記載なし"),
    "clauses": ("clauses", "文"),
    "only_matches": ("Show only these clauses", "該当する文だけを表示"),
    "only_differences": ("Show only the differences", "違いのある箇所だけを表示"),
    "clear": ("Clear", "解除"),
    "previous": ("Previous clause", "前の文"),
    "next": ("Next clause", "次の文"),
    "map": ("Where in the document", "文書内の位置"),
    "policy": ("Policy", "ポリシー"),
    "not": ("not {}", "{}（否定）"),
    "none": ("no practice", "該当なし"),
    "navigation": ("menu", "メニュー"),
    "header": ("page header", "ページ上部"),
    "footer": ("page footer", "ページ下部"),
    "cookie_banner": ("cookie banner", "Cookieバナー"),
    "button": ("button", "ボタン"),
    "details": ("Scores", "スコア"),
    "clause_of": ("Clause {} of {}", "{1}文のうち{0}番目"),
    "probabilities": ("Probability of each practice", "分類ごとの確率"),
    "evidence": ("Evidence", "根拠の語句"),
    "said_not": ("the policy says that this is not done", "「行わない」と記載"),
    "close": ("Close", "閉じる"),
    "counterpart": ("In the other", "対応する文"),
    "no_counterpart": ("Nothing in the other answers this.", "もう一方に対応する記載はありません。"),
    "shown": ("{} of {} clauses", "{1}文のうち{0}文"),
    "all_shown": ("All {} clauses are shown", "全{}文を表示しています"),
    "count": ("{} clauses", "全{}文"),
    "practices_stated": ("{} practices stated", "記載のある分類 {}"),
    "practices_denied": ("{} denied", "否定のある分類 {}"),
    "practices_missing": ("{} not found", "記載のない分類 {}"),
    "only_in": ("{} only in {}", "{1}のみ {0}文"),
    "count_changed": ("{} reworded", "文言の変更 {}文"),
    "only_here": ("only here", "こちらのみ"),
    "changed": ("reworded", "文言の変更"),
    "moved": ("moved", "移動"),
    "empty": ("no counterpart", "対応なし"),
    "differs": ("differs", "相違"),
    "by_words": ("aligned by their words", "文言の近さによる対応づけ"),
    "by_practice": ("aligned by practice and order", "分類と順序による対応づけ"),
    "how": ("How to read this page", "このページの見方"),
    "legend_colour": ("stated: colour and word give the practice", "記載。色と語が分類を示します"),
    "legend_denied": ("denied: the policy says that it is not done", "否定。「行わない」と述べています"),
    "legend_evidence": ("the words that speak for it", "根拠となった語句"),
    "legend_hidden": (
        "a character of the text that would not be seen, or would reorder it",
        "本文に含まれる、見えない文字や文字の並びを変える制御文字",
    ),
    "legend_differs": ("words that the other does not have", "もう一方にない語句"),
    "keys": (
        "Tab to a clause’s label; ↑ ↓ go from clause to clause, Enter shows its scores, Esc closes them.",
        "Tabキーで文末のラベルへ、↑↓キーで前後の文へ移動します。Enterキーでスコアを表示し、Escキーで閉じます。",
    ),
    "advice": (
        "Labelled by a machine. It helps people read; it is no legal advice.",
        "機械による自動分類です。読解を助けるものであり、法的助言ではありません。",
    ),
    "nothing": ("The document holds no text.", "文書に本文がありません。"),
}

_FOR_SCRIPT = (
    "count", "not", "none", "clause_of", "evidence", "said_not", "counterpart",
    "no_counterpart", "shown", "all_shown",
)  # fmt: skip


def both(key: str, *values: object) -> str:
    """A phrase in both languages, as HTML; `values` are shown in its braces, escaped."""
    return pair(*(phrase.format(*values) for phrase in WORDS[key]))


def pair(english: str, japanese: str) -> str:
    """Two texts as HTML, of which the page shows that of its language."""
    return (
        f'<span class="i-en" lang="en">{visible(english)}</span>'
        f'<span class="i-ja" lang="ja">{visible(japanese)}</span>'
    )


def spoken(key: str, language: str) -> str:
    """The attributes of a name that only assistive technology reads, in both languages."""
    english, japanese = (attribute(phrase) for phrase in WORDS[key])
    chosen = japanese if language == "ja" else english
    return f'aria-label="{chosen}" data-en="{english}" data-ja="{japanese}"'


def script_words() -> str:
    """The words that the script writes, as JSON that can stand in a script element."""
    words = {
        language: {
            **{key: WORDS[key][i] for key in _FOR_SCRIPT},
            "names": [p.name_in("en" if i == 0 else "ja") for p in Practice],
            "short": [SHORT[p][i] for p in Practice],
        }
        for i, language in enumerate(("en", "ja"))
    }
    return json.dumps(words, ensure_ascii=False, sort_keys=True).replace("<", "\\u003c")
