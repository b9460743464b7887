"""Progress on standard error, and the table of results."""

import sys
from statistics import median


def say(text):
    print(f"==> {text}", file=sys.stderr, flush=True)


def row(what, unit, cairn, reference=None, *, name="", goal=None, limit=None, durability=("sync", ""), note="",
        details=("", "")):
    """One line of the table: a ratio to a reference with a `goal` at least, or a figure with a `limit` at most.

    `details` are told beside the figures of each side.
    """
    return {"what": what, "unit": unit, "cairn": list(cairn), "reference": list(reference or []), "name": name,
            "goal": goal, "limit": limit, "durability": durability, "note": note, "details": details}


def number(value):
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def verdict(reached):
    return "yes" if reached else "**no**"


def line(result):
    cairn = median(result["cairn"])
    figure = f"{number(cairn)} {result['unit']}".rstrip() + result["details"][0]
    if result["reference"]:
        other = median(result["reference"])
        ratio = cairn / other if other else float("inf")
        goal = f"≥ {result['goal']}×" if result["goal"] else "–"
        reached = verdict(ratio >= result["goal"]) if result["goal"] else "–"
        reference = f"{result['name']}: {number(other)} {result['unit']}" + result["details"][1]
        cells = [result["what"], figure, reference, f"{ratio:.2f}×", goal, reached, *result["durability"]]
    else:
        goal = f"≤ {number(result['limit'])} {result['unit']}".rstrip() if result["limit"] is not None else "–"
        reached = verdict(cairn <= result["limit"]) if result["limit"] is not None else "–"
        cells = [result["what"], figure, "–", "–", goal, reached, result["durability"][0], "–"]
    if result["note"]:
        cells[0] += f" ({result['note']})"
    return "| " + " | ".join(cells) + " |"


def table(results):
    head = ["Measured", "Cairn", "Reference", "Ratio", "Goal", "Reached", "Cairn's durability",
            "Reference's durability"]
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    return "\n".join(lines + [line(result) for result in results])
