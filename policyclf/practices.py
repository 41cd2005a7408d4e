"""The label scheme: twelve data practices, named in English and Japanese.

    >>> from policyclf import Practice
    >>> Practice("data_retention").name_in("ja")
    '保存期間'

The scheme is OPP-115's (Wilson et al., ACL 2016), its "Other" split in three as its
authors split it. data/labels.toml of the repository is its source: a test holds this
module against it.
"""

from __future__ import annotations

from enum import StrEnum

from policyclf.script import Language


class Practice(StrEnum):
    """A data practice that a clause of a privacy policy states; the value is its id."""

    FIRST_PARTY_COLLECTION_USE = "first_party_collection_use"
    THIRD_PARTY_SHARING_COLLECTION = "third_party_sharing_collection"
    USER_CHOICE_CONTROL = "user_choice_control"
    USER_ACCESS_EDIT_DELETION = "user_access_edit_deletion"
    DATA_RETENTION = "data_retention"
    DATA_SECURITY = "data_security"
    POLICY_CHANGE = "policy_change"
    DO_NOT_TRACK = "do_not_track"
    INTERNATIONAL_SPECIFIC_AUDIENCES = "international_specific_audiences"
    INTRODUCTORY_GENERIC = "introductory_generic"
    CONTACT_INFORMATION = "contact_information"
    PRACTICE_NOT_COVERED = "practice_not_covered"

    def name_in(self, language: Language) -> str:
        """The practice's name for a reader of `language`."""
        return _NAMES[self.value][0 if language == "en" else 1]

    def definition_in(self, language: Language) -> str:
        """What a clause of this practice states, in a sentence or two of `language`."""
        return _DEFINITIONS[self.value][0 if language == "en" else 1]


_NAMES = {
    "first_party_collection_use": ("First-party collection and use", "取得と利用"),
    "third_party_sharing_collection": (
        "Third-party sharing and collection",
        "第三者への提供・第三者による取得",
    ),
    "user_choice_control": ("User choice and control", "利用者の選択"),
    "user_access_edit_deletion": ("User access, correction and deletion", "開示・訂正・消去などの請求"),
    "data_retention": ("Data retention", "保存期間"),
    "data_security": ("Data security", "安全管理"),
    "policy_change": ("Policy change", "改定"),
    "do_not_track": ("Do Not Track", "追跡拒否（Do Not Track）"),
    "international_specific_audiences": ("International and specific audiences", "越境・特定の人々"),
    "introductory_generic": ("Introductory and generic", "総則"),
    "contact_information": ("Contact information", "問い合わせ先"),
    "practice_not_covered": ("Practice not covered", "その他の定め"),
}

_DEFINITIONS = {
    "first_party_collection_use": (
        "What data the operator collects, how, from whom and what for; its own cookies "
        "and logs; its own advertising, analytics and research; anonymised or "
        "pseudonymised processing by itself.",
        "事業者自身が取得する情報、取得の方法、利用目的。自社のCookieやアクセスログ"
        "、自社による広告・分析・研究、匿名加工情報・仮名加工情報の作成を含む。",
    ),
    "third_party_sharing_collection": (
        "Data that goes to, or is collected by, somebody else: sale, sharing, "
        "disclosure by law, processors, group companies, business transfers, third-"
        "party advertising, analytics and plug-ins.",
        "他の者に渡る情報、他の者が取得する情報。第三者提供、委託、共同利用、事業承継、法"
        "令に基づく開示、外部送信、第三者の広告・解析ツールを含む。",
    ),
    "user_choice_control": (
        "A choice that the user has and how to exercise it: opting in or out, "
        "unsubscribing, cookie settings, withdrawing consent, not providing data and "
        "what follows.",
        "利用者に与えられた選択とその方法。オプトアウト、配信停止、Cookieの無効化、"
        "同意の撤回、提供の任意性と提供しない場合の結果。",
    ),
    "user_access_edit_deletion": (
        "Whether and how users see, correct, export or erase their data or close the "
        "account; procedure, fee, identity check and refusal of such requests.",
        "利用者が自らの情報を閲覧、訂正、持ち出し、消去し、または退会する権利と手続。手数"
        "料、本人確認、請求に応じない場合を含む。",
    ),
    "data_retention": (
        "How long data is kept and what happens when the time is over.",
        "情報を保存する期間と、期間が過ぎた後の取扱い。",
    ),
    "data_security": (
        "How data is protected: safeguards, staff, supervision of contractors, response"
        " to breaches; advice on guarding the account; a disclaimer of security.",
        "情報を守る方法。安全管理措置、従業者・委託先の監督、漏えい時の対応、利用者による"
        "パスワードの管理、安全性を保証しない旨を含む。",
    ),
    "policy_change": (
        "Whether, how and when the policy changes, and how users learn of it.",
        "ポリシーを改定するか、いつ、どのように改定し、どう知らせるか。",
    ),
    "do_not_track": (
        "How Do-Not-Track or Global Privacy Control signals of browsers are treated.",
        "ブラウザーの Do Not Track や Global Privacy Con"
        "trol の信号をどう扱うか。",
    ),
    "international_specific_audiences": (
        "Rules for a group of people or a place: children, residents of the EU or "
        "California; data moved or kept across a border.",
        "特定の人々や地域についての定め。未成年者、EU居住者、カリフォルニア州の居住者、"
        "外国にある第三者への提供や国外での保管を含む。",
    ),
    "introductory_generic": (
        "Who the operator is, scope, definitions, general commitment, compliance with "
        "the law, acceptance of the policy as a whole, effective and revision dates.",
        "事業者の名称、適用範囲、定義、基本方針、法令の遵守、ポリシー全体への同意、制定日"
        "・改定日。",
    ),
    "contact_information": (
        "Whom to ask or complain to: names, addresses, numbers, forms, a privacy "
        "officer, a supervisory authority.",
        "問い合わせ先、苦情の申出先。名称、住所、電話番号、フォーム、個人情報保護管理者、"
        "認定個人情報保護団体、監督機関。",
    ),
    "practice_not_covered": (
        "A statement in the document that is none of the above: links to other sites, "
        "liability, governing law, the user's other duties.",
        "上のいずれでもない記述。リンク先のサイト、免責、準拠法、利用者のその他の義務。",
    ),
}
