"""Only the publisher's own hosts are asked, and keys reach nobody else's eyes."""

from __future__ import annotations

import logging
import pickle

import pytest
from http_server import Reply, source

from agrocluster.errors import SourceContractError, SourceUnavailable, UsageError
from agrocluster.http import Client, Endpoint, endpoint, redact
from agrocluster.http.guard import HostGuard

KEY = "s3cret/Key+value"


@pytest.mark.parametrize(
    "reference",
    [
        "http://169.254.169.254/latest/meta-data",
        "https://api.example.org.evil.net/v2",
        "https://evil.net/?https://api.example.org",
        "https://api.example.org@evil.net/",
        "https://user:pw@api.example.org/v2",
        "https://api.example.org:8443/v2",
        "http://api.example.org/v2",
        "file:///etc/passwd",
        "ftp://api.example.org/v2",
        "https://localhost/v2",
    ],
)
def test_addresses_elsewhere_are_refused(reference):
    guard = HostGuard("https://api.example.org/v2", ["files.example.org"], source="testbank")
    with pytest.raises(SourceContractError, match="not on a host of this publisher"):
        guard.resolve(reference)


@pytest.mark.parametrize("reference", ["https://files.example.org/a(b).zip", "https://api.example.org/other"])
def test_the_publishers_own_hosts_are_allowed(reference):
    assert HostGuard("https://api.example.org/v2", ["files.example.org"]).resolve(reference) == reference


def test_paths_are_taken_below_the_base():
    assert HostGuard("https://api.example.org/v2/").resolve("/country/all") == "https://api.example.org/v2/country/all"


def test_a_loopback_base_allows_itself_and_nothing_else():
    guard = HostGuard("http://127.0.0.1:8000/worldbank", ["api.example.org"])
    assert guard.resolve("http://127.0.0.1:8000/faostat/x.zip")
    for other in ("http://127.0.0.1:8001/x", "http://localhost:8000/x", "https://api.example.org/v2"):
        with pytest.raises(SourceContractError):
            guard.resolve(other)


@pytest.mark.parametrize("base", ["api.example.org", "ftp://api.example.org", "https://me:pw@api.example.org"])
def test_a_useless_base_address_is_reported_at_once(base):
    with pytest.raises(UsageError) as caught:
        Client(source(), base_url=base)
    assert "pw" not in str(caught.value).replace("password", "")


def test_a_redirect_to_a_foreign_host_is_not_followed(script, client_for):
    script.says(Reply(302, headers={"Location": "http://127.0.0.1:1/inside"}))
    with pytest.raises(SourceContractError, match=r"127\.0\.0\.1:1/inside"):
        client_for().get("data")
    assert len(script.requests) == 1


def test_a_redirect_within_the_host_is_followed(script, client_for):
    script.says(Reply(301, headers={"Location": "/new/data"}), Reply(body=b"{}"))
    assert client_for().get("data").url == "loopback:/new/data"


def test_the_key_travels_in_its_header_only(script, client_for):
    script.says(Reply(body=b"{}"))
    got = client_for(key=KEY, key_header="Ocp-Apim-Subscription-Key").get("data", params={"a": "1"})
    assert script.requests[0].headers["Ocp-Apim-Subscription-Key"] == KEY
    assert KEY not in script.requests[0].path
    assert KEY not in got.url


def test_a_key_without_a_header_is_not_sent(script, client_for):
    script.says(Reply(body=b"{}"))
    client_for(key=KEY).get("data")
    assert KEY not in str(script.requests[0])


def test_the_key_is_in_no_log_and_no_error(script, client_for, caplog):
    caplog.set_level(logging.DEBUG)
    echo = Reply(500, f"bad key {KEY}".encode(), {"Retry-After": "0"})
    script.says(echo)
    with pytest.raises(SourceUnavailable) as caught:
        client_for(key=KEY, key_header="X-Key").get("data", params={"subscription-key": KEY})
    script.says(Reply(403, f"key {KEY} is not valid".encode()))
    with pytest.raises(SourceContractError, match="Check the key") as refused:
        client_for(key=KEY, key_header="X-Key").get("data")
    shown = [r.getMessage() for r in caplog.records if r.name.startswith("agrocluster")]
    assert len(shown) == 4
    for text in (*shown, str(caught.value), repr(caught.value), str(refused.value), str(pickle.dumps(caught.value))):
        assert KEY not in text
        assert "s3cret" not in text


def test_redaction_masks_what_looks_like_a_secret():
    text = "GET https://u:p@h.org/x?a=1&subscription-key=abc&token=t#f and https://h.org/?api_key=zzz"
    assert redact(text) == "GET https://***@h.org/x?a=1&subscription-key=***&token=***#f and https://h.org/?api_key=***"
    assert redact("plain s%2Fx s/x", ["s/x"]) == "plain *** ***"
    assert redact("monkey=1 ?turkey=2") == "monkey=1 ?turkey=2"


def test_an_endpoint_comes_from_the_environment_and_hides_its_key(monkeypatch):
    monkeypatch.setenv("SOURCES", "live")
    assert endpoint("worldbank") == Endpoint("https://api.worldbank.org/v2", None)
    monkeypatch.setenv("AGROCLUSTER_WORLDBANK_URL", "http://127.0.0.1:1/worldbank/v2")
    monkeypatch.setenv("AGROCLUSTER_WORLDBANK_KEY", KEY)
    found = endpoint("worldbank")
    assert (found.base_url, found.key) == ("http://127.0.0.1:1/worldbank/v2", KEY)
    assert KEY not in repr(found)
    with pytest.raises(UsageError, match="worldbank"):
        endpoint("worldbnk")


@pytest.mark.parametrize("url", ["", "https://api.worldbank.org/v2", "https://mirror.example.org"])
def test_sample_mode_never_asks_a_real_publisher(monkeypatch, url):
    monkeypatch.setenv("SOURCES", "sample")
    monkeypatch.setenv("AGROCLUSTER_WORLDBANK_URL", url)
    with pytest.raises(UsageError, match=r"(?s)worldbank.*sample source server.*make run"):
        endpoint("worldbank")
