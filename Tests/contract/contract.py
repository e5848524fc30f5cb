"""Walks over the OpenAPI document."""

from jsonschema import Draft202012Validator

METHODS = ("get", "put", "post", "delete")


class Operation:
    """One method of one path."""

    def __init__(self, contract, path, method, item):
        self.contract = contract
        self.raw = item[method]
        self.label = f"{method.upper()} {path}"
        shared, own = item.get("parameters", []), self.raw.get("parameters", [])
        self.parameters = [contract.resolve(parameter) for parameter in shared + own]
        self.body = contract.resolve(self.raw.get("requestBody", {}))
        self.responses = {
            status: contract.resolve(response)
            for status, response in self.raw["responses"].items()
        }


class Contract:
    """The document, with its references followed where they are asked for."""

    def __init__(self, document):
        self.document = document
        self.problems = document["x-problem-codes"]

    def resolve(self, node):
        """What a node is, or refers to within the document."""
        while "$ref" in node:
            target = self.document
            for step in node["$ref"].removeprefix("#/").split("/"):
                target = target[step]
            node = target
        return node

    def operations(self):
        return [
            Operation(self, path, method, item)
            for path, item in self.document["paths"].items()
            for method in METHODS
            if method in item
        ]

    def faults(self, schema, value):
        """What is wrong with a value, one line each."""
        rooted = {**schema, "components": self.document["components"]}
        return [
            f"{error.json_path}: {error.message}"
            for error in Draft202012Validator(rooted).iter_errors(value)
        ]

    def examples(self, holder):
        """All example values of a media type or parameter."""
        if "example" in holder:
            yield holder["example"]
        for example in holder.get("examples", {}).values():
            yield self.resolve(example)["value"]

    def schemas_under(self, schema, seen=None):
        """The schema and every one below it, each referenced one once."""
        seen = set() if seen is None else seen
        if not isinstance(schema, dict) or id(schema) in seen:
            return
        seen.add(id(schema))
        yield schema
        below = [schema.get(key) for key in ("items", "if", "then", "else", "not")]
        below += list(schema.get("properties", {}).values())
        for key in ("allOf", "anyOf", "oneOf"):
            below += schema.get(key, [])
        if "$ref" in schema:
            below.append(self.resolve({"$ref": schema["$ref"]}))
        for part in below:
            yield from self.schemas_under(part, seen)
