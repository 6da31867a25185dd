"""The table of operations against the server's own description: a route without a method fails here."""

from __future__ import annotations

import inspect
import json
from typing import Any, get_type_hints

from conftest import GOLDEN

import fovea
from fovea import AsyncClient, Client
from fovea._operations import OPERATIONS

PAGE = "page"
"""The tag of what is for browsers."""


def described(document: dict[str, Any]) -> dict[str, tuple[str, str, frozenset[str], bool]]:
    """Of each operation: verb, path, its parameters of the query, and whether a collection is named."""
    found = {}
    for path, verbs in document["paths"].items():
        for verb, one in verbs.items():
            if PAGE in one["tags"]:
                continue
            params = [param["name"] for param in one.get("parameters", []) if param["in"] == "query"]
            names = frozenset(params) - {"collection"}
            found[one["operationId"]] = (verb.upper(), path, names, "collection" in params)
    return found


def test_every_operation_has_a_method() -> None:
    wanted = described(json.loads(GOLDEN.read_text()))
    table = {name: (one.verb, one.path, frozenset(one.params), one.in_collection) for name, one in OPERATIONS.items()}
    assert wanted.keys() == table.keys()
    assert wanted == table


def test_a_route_that_is_new_would_be_missed() -> None:
    document = json.loads(GOLDEN.read_text())
    document["paths"]["/api/v1/albums"] = {"get": {"operationId": "list_albums", "tags": ["albums"]}}
    assert described(document).keys() - OPERATIONS.keys() == {"list_albums"}


def test_documents_have_the_fields_that_are_sent() -> None:
    schemas = json.loads(GOLDEN.read_text())["components"]["schemas"]
    search = set(fovea.SearchOptions.__annotations__)
    assert set(schemas["SearchRequest"]["properties"]) == search | {"q", "plan"}
    assert set(schemas["SavedRequest"]["properties"]) == {"query"}
    assert set(schemas["JobRequest"]["properties"]) == {"path", "retry"}
    assert set(schemas["EventRequest"]["properties"]) == {"kind", "item", "query"}


def test_records_have_the_fields_that_are_told() -> None:
    schemas = json.loads(GOLDEN.read_text())["components"]["schemas"]
    for schema, record in (
        ("CaptionDocument", "Caption"),
        ("Collection", "Collection"),
        ("Collections", "Collections"),
        ("ColorDocument", "Color"),
        ("ItemDocument", "Item"),
        ("ItemList", "ItemPage"),
        ("JobStatus", "Job"),
        ("PictureDocument", "Picture"),
        ("PlanParts", "Plan"),
        ("SavedSearch", "SavedSearch"),
        ("SearchAnswer", "SearchAnswer"),
        ("SessionDocument", "Session"),
        ("Source", "Source"),
        ("WeightedTerm", "Term"),
    ):
        fields = set(get_type_hints(getattr(fovea, record))) - {"extra"}
        assert set(schemas[schema]["properties"]) == fields, record
    shown = set(schemas["Found"]["properties"]) | set(schemas["Shown"]["allOf"][1]["properties"])
    assert shown == set(get_type_hints(fovea.Result)) - {"extra"}


def test_both_clients_have_the_same_methods() -> None:
    def methods(kind: type) -> dict[str, list[str]]:
        public = ((name, one) for name, one in vars(kind).items() if not name.startswith("_") and callable(one))
        return {name.replace("aclose", "close"): list(inspect.signature(one).parameters) for name, one in public}

    assert methods(Client) == methods(AsyncClient)
    assert {one.method for one in OPERATIONS.values()} <= methods(Client).keys()
    for name, one in vars(Client).items():
        assert name.startswith("_") or (one.__doc__ and vars(AsyncClient)[name.replace("close", "aclose")].__doc__), name
