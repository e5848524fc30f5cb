"""The OpenAPI document is valid, complete and agrees with itself."""

import pytest
from openapi_spec_validator import validate

PROBLEM = "application/problem+json"


def test_document_is_valid(contract):
    validate(contract.document)


def test_every_operation_says_what_it_is(contract):
    ids = []
    for operation in contract.operations():
        for member in ("operationId", "summary", "description", "tags"):
            assert operation.raw.get(member), f"{operation.label} has no {member}"
        ids.append(operation.raw["operationId"])
    assert len(ids) == len(set(ids)), "an operationId comes twice"


def test_every_request_has_examples_that_fit(contract):
    for operation in contract.operations():
        for parameter in operation.parameters:
            values = list(contract.examples(parameter))
            where = f"{operation.label}, parameter {parameter['name']}"
            assert values or not parameter.get("required"), f"{where} has no example"
            for value in values:
                assert not contract.faults(parameter["schema"], value), where
        if operation.parameters:
            assert any(list(contract.examples(each)) for each in operation.parameters)
        for kind, media in operation.body.get("content", {}).items():
            values = list(contract.examples(media))
            assert values, f"{operation.label}, {kind} has no example"
            for value in values:
                faults = contract.faults(media["schema"], value)
                assert not faults, f"{operation.label}: {value}: {faults}"


def test_every_response_has_examples_that_fit(contract):
    for operation in contract.operations():
        assert any(status.startswith("2") for status in operation.responses), operation.label
        for status, response in operation.responses.items():
            assert response["content"], f"{operation.label} {status} has no content"
            for kind, media in response["content"].items():
                values = list(contract.examples(media))
                assert values, f"{operation.label} {status}, {kind} has no example"
                for value in values:
                    faults = contract.faults(media["schema"], value)
                    assert not faults, f"{operation.label} {status}: {value}: {faults}"


def test_every_header_has_an_example_that_fits(contract):
    for name, header in contract.document["components"]["headers"].items():
        assert not contract.faults(header["schema"], header["example"]), name


def test_every_schema_example_fits(contract):
    for name, top in contract.document["components"]["schemas"].items():
        for schema in contract.schemas_under(top):
            for value in schema.get("examples", []):
                assert not contract.faults(schema, value), f"{name}: {value}"
            if "default" in schema:
                assert not contract.faults(schema, schema["default"]), name


def test_every_reply_names_its_request(contract):
    for operation in contract.operations():
        for status, response in operation.responses.items():
            assert "X-Request-Id" in response["headers"], f"{operation.label} {status}"


def test_every_refusal_lists_its_codes(contract):
    for operation in contract.operations():
        default = operation.responses["default"]
        for status, codes in default["x-codes"].items():
            for code in codes:
                assert str(contract.problems[code]["status"]) == status, code
        for status, response in operation.responses.items():
            if status.startswith("2"):
                continue
            examples = response["content"][PROBLEM]["examples"]
            codes = response["x-codes"]
            listed = sum(codes.values(), []) if status == "default" else codes
            assert sorted(listed) == sorted(examples), f"{operation.label} {status}"
            if status == "default":
                continue
            for code in listed:
                known = contract.problems.get(code)
                assert known, f"{operation.label}: {code} is not in x-problem-codes"
                assert str(known["status"]) == status, f"{operation.label}: {code}"
            common = default["x-codes"].get(status, [])
            assert not set(listed) & set(common), f"{operation.label} {status}"


def test_refusals_that_pass_say_when(contract):
    for name, response in contract.document["components"]["responses"].items():
        if not isinstance(response["x-codes"], list):
            continue
        for code in response["x-codes"]:
            if contract.problems[code]["status"] in (429, 503):
                assert contract.problems[code]["retryable"], code
                assert "Retry-After" in response["headers"], name


def test_every_code_is_used_and_explained(contract):
    used = set()
    for operation in contract.operations():
        for response in operation.responses.values():
            codes = response.get("x-codes", [])
            used |= set(codes if isinstance(codes, list) else sum(codes.values(), []))
    assert used == set(contract.problems)
    enum = contract.document["components"]["schemas"]["ProblemCode"]["enum"]
    assert enum == sorted(contract.problems), "ProblemCode and x-problem-codes differ"
    for code, problem in contract.problems.items():
        assert set(problem) == {"status", "title", "retryable", "meaning", "mend"}, code


def test_every_code_has_an_example_of_its_own(contract):
    examples = contract.document["components"]["examples"]
    for code, problem in contract.problems.items():
        value = examples[code]["value"]
        assert value["code"] == code
        assert value["type"] == f"/problems/{code}"
        for member in ("status", "title", "retryable"):
            assert value[member] == problem[member], f"{code}: {member} differs"
        if problem["status"] in (429, 503):
            assert "retry_after_ms" in value, code


def test_every_error_in_an_example_is_listed(contract):
    listed = contract.document["x-entry-error-codes"]

    def check(node):
        if isinstance(node, dict):
            if isinstance(node.get("error"), dict) and node.get("kind") != "packet":
                error = node["error"]
                assert listed[error["code"]]["win32"] == error["win32"], error
            for value in node.values():
                check(value)
        elif isinstance(node, list):
            for value in node:
                check(value)

    for example in contract.document["components"]["examples"].values():
        check(example["value"])


def test_requests_are_closed_and_replies_open(contract):
    """An unknown member is refused in a request, and to be ignored in a reply."""
    for operation in contract.operations():
        for media in operation.body.get("content", {}).values():
            for schema in contract.schemas_under(media["schema"]):
                if schema.get("type") == "object":
                    assert schema.get("additionalProperties") is False, operation.label
        for status, response in operation.responses.items():
            for media in response["content"].values():
                for schema in contract.schemas_under(media["schema"]):
                    assert "additionalProperties" not in schema, f"{operation.label} {status}"


def test_info_names_every_limit_it_requires(contract):
    limits = contract.document["components"]["schemas"]["Limits"]
    assert limits["required"] == list(limits["properties"])


FITS = [
    ("FetchRequest", {}),
    ("FetchRequest", {"max": 4096, "wait_ms": 1.0, "mode": "consume", "lease_ms": 5}),
    ("FetchRequest", {"consumer": "a", "fetch_id": "1", "mode": "lease", "alertable": True}),
    ("SettleRequest", {"lease": "", "ack": []}),
    ("Packet", {"data": "", "bytes": 0}),
    ("Packet", {"data": "/+==", "encoding": "utf8"}),
    ("Packet", {"data": "aB09", "encoding": "hex"}),
    ("Packet", {"encoding": "hex"}),
    ("Packet", {"key": "\u0000" * 256}),
    ("Operation", {"op": "read", "until": "\n", "max_bytes": 1}),
    ("Operation", {"op": "read", "until": "Cg==", "until_encoding": "base64"}),
    ("Operation", {"op": "read", "repeat": True, "credit": 0}),
    ("Operation", {"op": "read", "repeat": False, "deliver": "inline", "max_bytes": 0}),
    ("Operation", {"op": "write", "data": "", "deliver": "none"}),
    ("Operation", {"op": "control", "name": "strange", "arguments": {}}),
    ("OperationBatch", {"operations": [{"op": "read"}, {"op": "accept", "deliver": "port"}]}),
    ("OperationBatch", {"operations": [{"op": "read", "deliver": "inline"}]}),
    ("SessionRequest", {"uri": "nonsense", "port": "p", "options": {"mode": "660"}}),
    ("PortSettings", {"concurrency": 0}),
]

DOES_NOT_FIT = [
    ("FetchRequest", {"max": 0}),
    ("FetchRequest", {"max": 4097}),
    ("FetchRequest", {"max": True}),
    ("FetchRequest", {"wait_ms": None}),
    ("FetchRequest", {"wait_ms": 86400001}),
    ("FetchRequest", {"fetch_id": "1"}),
    ("FetchRequest", {"alertable": True}),
    ("FetchRequest", {"consumer": "a", "fetch_id": "1", "mode": "consume"}),
    ("FetchRequest", {"consumer": "..", "wait_ms": 1}),
    ("FetchRequest", {"settle": {"ack": "all"}}),
    ("SettleRequest", {"lease": "l", "ack": "some"}),
    ("SettleRequest", {"lease": "l", "ack": ["a"] * 4097}),
    ("SettleRequest", {"lease": "l", "nack": ["cmp_1_1"]}),
    ("SettleRequest", {"lease": "l", "extend_ms": 0}),
    ("PacketBatch", {"packets": []}),
    ("Packet", {"data": "AB=="}),
    ("Packet", {"data": "AA== "}),
    ("Packet", {"data": "abc", "encoding": "hex"}),
    ("Packet", {"data": "", "encoding": "auto"}),
    ("Packet", {"context": "x" * 257}),
    ("Packet", {"error": {}}),
    ("Operation", {"max_bytes": 1}),
    ("Operation", {"op": "scan"}),
    ("Operation", {"op": "read", "exactly": 4, "max_bytes": 4}),
    ("Operation", {"op": "read", "exactly": 4, "until": "\n"}),
    ("Operation", {"op": "read", "until": ""}),
    ("Operation", {"op": "read", "until": "x" * 257}),
    ("Operation", {"op": "read", "until": "0", "until_encoding": "hex"}),
    ("Operation", {"op": "read", "until_encoding": "hex"}),
    ("Operation", {"op": "read", "until": "\n", "max_bytes": 0}),
    ("Operation", {"op": "read", "repeat": True, "max_bytes": 0}),
    ("Operation", {"op": "read", "repeat": True, "deliver": "inline"}),
    ("Operation", {"op": "read", "credit": 1}),
    ("Operation", {"op": "read", "repeat": False, "credit": 1}),
    ("Operation", {"op": "read", "deliver": "none"}),
    ("Operation", {"op": "read", "timeout_ms": 0}),
    ("Operation", {"op": "read", "data": "AA=="}),
    ("Operation", {"op": "write"}),
    ("Operation", {"op": "transact", "data": "AA==", "repeat": True}),
    ("Operation", {"op": "transact", "data": "AA==", "exactly": 0}),
    ("Operation", {"op": "accept", "deliver": "none"}),
    # No number that the daemon cannot read has a place anywhere.
    ("Operation", {"op": "control", "name": "strange", "arguments": [1 << 64]}),
    ("Operation", {"op": "control", "name": "strange", "arguments": {"a": 1 << 64}}),
    ("Operation", {"op": "control", "name": "strange", "arguments": {"a": [1 << 64]}}),
    ("OperationBatch", {"operations": []}),
    ("OperationBatch", {"operations": [{"op": "read"}, {"op": "read", "deliver": "inline"}]}),
    ("SessionRequest", {"uri": "tcp://127.0.0.1:1"}),
    ("SessionRequest", {"uri": "x" * 2049, "port": "p"}),
    ("SessionRequest", {"uri": "x", "port": "p", "connect_timeout_ms": 300001}),
    ("SessionRequest", {"uri": "x", "port": "p", "options": {"mode": "0888"}}),
    ("SessionRequest", {"uri": "x", "port": "p", "options": {"colour": 1}}),
    ("PortSettings", {"capacity": 0}),
    ("PortSettings", {"capacity": 1.5}),
    ("AlertRequest", {"data": "00" * 4097, "encoding": "hex"}),
    ("CreditRequest", {"add": 0}),
    ("ShutdownRequest", {"how": "read"}),
]


@pytest.mark.parametrize(("name", "value"), FITS)
def test_schema_allows(contract, name, value):
    schema = contract.document["components"]["schemas"][name]
    assert not contract.faults(schema, value)


@pytest.mark.parametrize(("name", "value"), DOES_NOT_FIT)
def test_schema_forbids(contract, name, value):
    schema = contract.document["components"]["schemas"][name]
    assert contract.faults(schema, value)
