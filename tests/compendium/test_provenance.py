"""From a result back to its cell, its functions and its tables."""

import nbformat

from compendium import pages, provenance

PUBLIC = {
    "costs": {"levelised_cost": "def levelised_cost(x): pass", "tornado": "def tornado(x): pass"},
    "lockin": {"mean_age": "def mean_age(x): pass"},
    "routes": {"read": 'def read(load):\n    return load("prices/energy"), load("money")'},
}
TABLES = ["steel/routes", "fleet/old", "fleet/young", "money", "prices/energy"]


def cell(name, source, *results):
    media = "application/papermill.record/vnd.unlock.result+json"
    outputs = [nbformat.v4.new_output("display_data", data={media: {"name": r}}) for r in results]
    return nbformat.v4.new_code_cell(source, id=name, outputs=outputs)


NOTEBOOK = nbformat.v4.new_notebook(
    cells=[
        cell(
            "set-up",
            "from unlock import costs, lockin, routes\nfrom compendium import load, result",
        ),
        cell("unused", 'prices = load("prices/energy")\nswing = costs.tornado(prices)'),
        cell(
            "model",
            'def fleets():\n    return [load(f"fleet/{kind}") for kind in ("old", "young")]\n'
            'inputs = {}\ninputs["routes"] = load("steel/routes")\n'
            "def model(x):\n    return costs.levelised_cost(inputs[x])",
        ),
        cell("ages", 'age = lockin.mean_age(fleets())\nresult("age", age, label="A")', "age"),
        cell(
            "costs",
            'for p in ("a", "b"):\n    result(f"cost_{p}", model(p), label="C")\n'
            'result("plain", 1.0, label="P")\n',
            "cost_a",
            "cost_b",
            "plain",
        ),
        cell("read", 'bill = routes.read(load)\nresult("bill", bill, label="B")', "bill"),
    ]
)
FOUND = provenance.origins(NOTEBOOK, PUBLIC, TABLES)


def test_a_result_leads_to_its_cell_functions_and_tables():
    assert FOUND["age"] == provenance.Origin(
        "ages", ["lockin.mean_age"], ["fleet/old", "fleet/young"]
    )


def test_a_name_made_in_a_loop_is_found_and_so_is_what_was_changed_in_place():
    for name in ("cost_a", "cost_b"):
        assert FOUND[name] == provenance.Origin("costs", ["costs.levelised_cost"], ["steel/routes"])


def test_what_a_result_does_not_use_is_not_named():
    assert FOUND["plain"] == provenance.Origin("costs", [], [])
    assert not any("tornado" in str(origin) for origin in FOUND.values())


def test_a_table_that_a_function_names_is_behind_its_result():
    assert FOUND["bill"] == provenance.Origin("read", ["routes.read"], ["money", "prices/energy"])


def test_a_result_leads_to_the_rows_that_were_loaded():
    media = "application/papermill.record/vnd.unlock.result+json"
    record = {"name": "age", "tables": {"money": [[0, 2], [7, 7]], "fleet/old": [[1, 1]]}}
    output = nbformat.v4.new_output("display_data", data={media: record})
    source = 'age = load("money")\nresult("age", age, label="A")'
    only = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(source, id="one", outputs=[output])]
    )
    found = provenance.origins(only, PUBLIC, TABLES)["age"]
    assert found.tables == ["money"] and found.rows == {"money": [[0, 2], [7, 7]]}
    html = pages._origin_html(found, "../")
    assert '<a href="../tables/money.html#money-row-2">2–4</a>' in html
    assert '<a href="../tables/money.html#money-row-9">9</a>' in html
