"""The running daemon explains the codes of the document, all of them and no other."""

import json


def test_daemon_lists_the_codes_of_the_document(contract, daemon):
    served = daemon.get_json("/problems")["problems"]
    codes = [problem["code"] for problem in served]
    assert codes == sorted(contract.problems)
    for problem in served:
        told = {key: value for key, value in problem.items() if key != "code"}
        assert told == contract.problems[problem["code"]], problem["code"]


def test_every_code_has_a_page(contract, daemon):
    for code, problem in contract.problems.items():
        status, kind, text = daemon.get(f"/problems/{code}")
        assert status == 200, code
        assert kind.startswith("text/plain"), code
        for words in (code, problem["title"], problem["meaning"], problem["mend"]):
            assert words in " ".join(text.split()), f"{code} is without: {words}"
        status, kind, _ = daemon.get(f"/problems/{code}", "text/html")
        assert status == 200, code
        assert kind.startswith("text/html"), code


def test_an_unknown_code_is_a_problem(daemon):
    status, kind, text = daemon.get("/problems/no.such-code")
    assert status == 404
    assert kind == "application/problem+json"
    assert json.loads(text)["code"] == "problem.unknown"
