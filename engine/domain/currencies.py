"""The currencies that a bond can be in: the codes of ISO 4217 that are in use.

Left out are the codes for metals and for tests, and no currency (`XXX`). Codes that stand beside them in price lists
without being in the standard, such as GBX for pence, are named with the currency they are a part of.

Source: ISO 4217, list one, as amended to 2026 (no more BGN, HRK, ANG, ZWL, SLL, CUC; since then XCG, ZWG, SLE).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

_CODES: Final = """
    AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CLF CLP CNY
    COP COU CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL HTG HUF IDR
    ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT
    MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR
    SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD UYI UYU UZS
    VES VND VUV WST XAF XCD XCG XDR XOF XPF YER ZAR ZMW ZWG
"""
CURRENCIES: Final = frozenset(_CODES.split())
_WITHOUT_DECIMALS: Final = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"
_WITH_THREE: Final = "BHD IQD JOD KWD LYD OMR TND"
_DECIMALS: Final[Mapping[str, int]] = {
    **dict.fromkeys(_WITHOUT_DECIMALS.split(" "), 0),
    **dict.fromkeys(_WITH_THREE.split(" "), 3),
    "CLF": 4,
}
"""Of currencies whose money does not have two decimals."""
_PARTS_OF: Final[Mapping[str, str]] = {
    "GBX": "GBP",
    "GBp": "GBP",
    "ZAC": "ZAR",
    "ZAc": "ZAR",
    "ILA": "ILS",
    "USX": "USD",
    "EUX": "EUR",
}
_OTHER_NAMES: Final[Mapping[str, str]] = {"CNH": "CNY", "RMB": "CNY", "RUR": "RUB", "NTD": "TWD", "UKP": "GBP"}


def decimals_of(currency: str) -> int:
    """How many decimals an amount of money has: 2 of most, 0 of yen."""
    return _DECIMALS.get(currency, 2)


def currency_problem(text: str) -> str:
    """What was expected in place of `text`; empty where it is a currency."""
    if text in CURRENCIES:
        return ""
    expected = "a currency of ISO 4217 such as USD"
    if whole := _PARTS_OF.get(text):
        return f"{expected} ({text} is a hundredth of {whole}: write {whole})"
    if name := _OTHER_NAMES.get(text.upper()):
        return f"{expected} ({text} is written {name})"
    if text.upper() in CURRENCIES:
        return f"{expected} (did you mean '{text.upper()}'?)"
    return expected
