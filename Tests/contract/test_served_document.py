"""The running daemon serves this very document, and fits it."""


def test_daemon_serves_the_document(contract, daemon):
    assert daemon.get_json("/v1/openapi.json") == contract.document


def test_info_fits_the_document(contract, daemon):
    told = daemon.get_json("/v1/info")
    schemas = contract.document["components"]["schemas"]
    assert not contract.faults(schemas["ServiceDescription"], told)
    assert set(told["limits"]) == set(schemas["Limits"]["properties"])
    request_options = schemas["SessionOptions"]["properties"]
    operations = schemas["OperationName"]["enum"]
    for transport in told["transports"]:
        assert set(transport["options"]) <= set(request_options), transport["scheme"]
        assert set(transport["operations"]) <= set(operations), transport["scheme"]
    assert sorted(told["operations"]) == sorted(operations)
