"""Problems: one form for every refusal, a page for each code, and the two agree."""

import pytest

from http_client import PROBLEM

MEMBERS = ("type", "title", "status", "detail", "instance", "code", "request_id", "retryable")


@pytest.fixture(scope="module")
def catalogue(daemon):
    reply = daemon.call("GET", "/problems", headers={"Accept": "application/json"})
    return {problem["code"]: problem for problem in reply.json()["problems"]}


@pytest.mark.parametrize(
    ("method", "target", "value", "code"),
    [
        ("GET", "/nothing", None, "route.unknown"),
        ("PATCH", "/v1/ports", None, "method.not_allowed"),
        ("GET", "/v1/ports?x=SECRET", None, "request.query_invalid"),
        ("GET", "/v1/ports/%zz", None, "request.target_invalid"),
        ("PUT", "/v1/ports/-", None, "name.invalid"),
        ("PUT", "/v1/ports/a", {"SECRET": "SECRET"}, "body.invalid"),
        ("GET", "/v1/ports/never-made", None, "port.unknown"),
        ("GET", "/v1/sessions/ses_none", None, "session.unknown"),
        ("GET", "/problems/none", None, "problem.unknown"),
    ],
)
def test_form(daemon, catalogue, method, target, value, code):
    reply = daemon.call(method, target, json=value, headers={"X-Request-Id": "my-id"})
    problem = reply.json()
    assert reply.field("Content-Type") == PROBLEM
    for member in MEMBERS:
        assert member in problem
    assert problem["code"] == code
    assert problem["type"] == f"/problems/{code}"
    assert problem["status"] == reply.status
    assert problem["request_id"] == "my-id"
    assert problem["instance"] == target.split("?")[0]
    for member in ("status", "title", "retryable"):
        assert problem[member] == catalogue[code][member]
    assert problem["detail"][0].isupper() and problem["detail"].endswith(".")
    assert "null" not in reply.text
    assert "SECRET" not in problem["detail"].replace("SECRET", "", 1) or value is None


def test_detail_does_not_quote_values(daemon):
    value = {"uri": "SECRET://a", "port": "p", "key": ["SECRET"], "options": {"bind": 7}}
    reply = daemon.call("POST", "/v1/sessions", json=value)
    assert reply.status == 400 and "SECRET" not in reply.text
    daemon.call("PUT", "/v1/ports/problems-p")
    value = {"uri": "SECRET://a:SECRET@b", "port": "problems-p"}
    reply = daemon.call("POST", "/v1/sessions", json=value)
    assert reply.status == 422 and "SECRET" not in reply.text


def test_every_code_has_a_page_in_three_forms(daemon, catalogue):
    assert len(catalogue) >= 50
    for code, problem in catalogue.items():
        text = daemon.call("GET", f"/problems/{code}")
        assert (text.status, text.field("Content-Type")) == (200, "text/plain; charset=utf-8")
        assert code in text.text and problem["meaning"] in text.text
        page = daemon.call("GET", f"/problems/{code}", headers={"Accept": "text/html"})
        assert page.field("Content-Type") == "text/html; charset=utf-8"
        assert page.field("Content-Security-Policy")
        json = daemon.call("GET", f"/problems/{code}", headers={"Accept": "application/json"})
        assert json.json() == problem


def test_page_of_all(daemon, catalogue):
    text = daemon.call("GET", "/problems", headers={"Accept": "*/*"})
    assert text.field("Content-Type") == "text/plain; charset=utf-8"
    assert all(code in text.text for code in catalogue)
    page = daemon.call("GET", "/problems", headers={"Accept": "text/html"})
    assert all(f'href="/problems/{code}"' in page.text for code in catalogue)


def test_code_in_a_path_cannot_inject(daemon):
    target = "/problems/%3Cscript%3Ealert(1)%3C%2Fscript%3E"
    reply = daemon.call("GET", target, headers={"Accept": "text/html"})
    assert (reply.status, reply.field("Content-Type")) == (404, PROBLEM)
