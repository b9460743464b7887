"""Progress on standard error, and the table of results."""

import statistics
import sys


def say(text):
    print(f"==> {text}", file=sys.stderr, flush=True)


def row(what, unit, cairn, reference=None, *, name="", goal=None, limit=None, durability=("sync", ""), note=""):
    """One line of the table: a ratio to a reference with a `goal` at least, or a figure with a `limit` at most."""
    return {"what": what, "unit": unit, "cairn": list(cairn), "reference": list(reference or []), "name": name,
            "goal": goal, "limit": limit, "durability": durability, "note": note}


def number(value):
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def verdict(reached):
    return "yes" if reached else "**no**"


def line(result):
    cairn = statistics.median(result["cairn"])
    figure = f"{number(cairn)} {result['unit']}"
    if result["reference"]:
        other = statistics.median(result["reference"])
        ratio = cairn / other if other else float("inf")
        goal = f"≥ {result['goal']}×" if result["goal"] else "–"
        reached = verdict(ratio >= result["goal"]) if result["goal"] else "–"
        cells = [result["what"], figure, f"{result['name']}: {number(other)} {result['unit']}", f"{ratio:.2f}×", goal,
                 reached, result["durability"][0], result["durability"][1]]
    else:
        goal = f"≤ {number(result['limit'])} {result['unit']}" if result["limit"] is not None else "–"
        reached = verdict(cairn <= result["limit"]) if result["limit"] is not None else "–"
        cells = [result["what"], figure, "–", "–", goal, reached, result["durability"][0], "–"]
    if result["note"]:
        cells[0] += f" ({result['note']})"
    return "| " + " | ".join(cells) + " |"


def table(results):
    head = ["Measured", "Cairn", "Reference", "Ratio", "Goal", "Reached", "Cairn's durability", "Reference's durability"]
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    return "\n".join(lines + [line(result) for result in results])
