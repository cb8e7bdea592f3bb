"""QuickFIX over TLS with certificates at both ends: as OMS that calls us, and as dealer whom we call."""

from __future__ import annotations

from pathlib import Path

import pytest
from builders.certificates import Authority, Issued
from interop_daemon import ISIN
from interop_link import OpaqueLink, free_port
from interop_market import order, status
from interop_scene import Scene, SceneOf

VENDORS = ("quickfix",)


class Certificates:
    def __init__(self, folder: Path) -> None:
        self.authority = Authority(folder)
        self.engine = self.authority.issue("127.0.0.1", file="engine")
        self.oms = self.authority.issue("oms.example")
        self.colleague = self.authority.issue("colleague.example")
        self.dealer = self.authority.issue("dealer.example")


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates(tmp_path_factory.mktemp("certificates"))


def secured(scene_of: SceneOf, house: Certificates, shown_by_oms: Issued) -> Scene:
    """OMS and dealer over TLS, both ways verified; the OMS is pinned to its certificate."""
    ca, port = house.authority.ca, free_port()
    listening = (
        f'listen_port = {port}\ncertificate = "{house.engine.certificate}"\nkey = "{house.engine.key}"\n'
        f'client_ca = "{ca}"'
    )
    calling = (
        f'tls = true\ntls_ca = "{ca}"\ntls_server_name = "dealer.example"\n'
        f'tls_certificate = "{house.engine.certificate}"\ntls_key = "{house.engine.key}"\n'
        f'tls_pin_sha256 = ["{house.dealer.sha256}"]'
    )
    theirs = {
        "CertificationAuthoritiesFile": str(ca),
        "CertificateVerifyLevel": "2",
        "SSLProtocol": "ALL -SSLv2 -SSLv3",
    }
    return scene_of(
        link=OpaqueLink,
        tls_port=port,
        more={"fix.tls": listening},
        peer_more={"oms": f'tls = true\ntls_pin_sha256 = ["{house.oms.sha256}"]', "alder": calling},
        identity_more={
            "oms": {
                "more": {
                    **theirs,
                    "ClientCertificateFile": str(shown_by_oms.certificate),
                    "ClientCertificateKeyFile": str(shown_by_oms.key),
                }
            },
            "alder": {
                "more": {
                    **theirs,
                    "ServerCertificateFile": str(house.dealer.certificate),
                    "ServerCertificateKeyFile": str(house.dealer.key),
                }
            },
        },
    )


def test_an_order_over_tls_survives_cuts_and_a_kill(scene_of: SceneOf, house: Certificates) -> None:
    market = secured(scene_of, house, house.oms)
    market.start("marks", "alder", "oms")
    market.oms.send("D", order("A-1", ISIN, 1_000_000))
    fill = market.heard("oms", t11="A-1", t150="F")
    for key in ("oms", "alder"):
        market.cut(key)
        market.until_on(key)
    market.desks["alder"].quoting = "hold"
    market.oms.send("D", order("A-2", ISIN, 1_000_000))
    market.heard("oms", t11="A-2", t150="0")
    market.heard("alder", 2, t35="R")
    market.rfqd.kill()
    for key in ("oms", "alder"):
        market.until_off(key)
    market.rfqd.start()
    for key in ("oms", "alder"):
        market.until_on(key)
    market.parties["alder"].send(*market.desks["alder"].quote(market.desks["alder"].asked[1]))
    assert market.heard("oms", t11="A-2", t150="F")[527] != fill[527]
    assert [said[11] for said in market.oms.heard if said.get(150) == "F"] == ["A-1", "A-2"]
    market.oms.send("H", status("A-2", ISIN))
    assert market.heard("oms", t150="I")[39] == "2"
    market.end_well()


def test_an_oms_with_a_colleagues_certificate_is_not_let_in(scene_of: SceneOf, house: Certificates) -> None:
    market = secured(scene_of, house, house.colleague)
    market.start("marks", "alder")
    market.join("oms", wait=False)
    market.rfqd.until_said("session oms is pinned to another")
    assert not market.oms.logged_on
    assert market.query("SELECT 1 FROM fix_messages WHERE session = 'oms'") == []
