"""What must hold of a system that came back from a loss of power."""

import client
import history


def check(system, owed, pool, lists=True):
    """Reads everything; -> problems, and what each resource was found to be.

    `owed`: resource → what it may be, of all there are where `lists` are read, too.
    """
    problems, found = [], {}
    reader = client.Client(*system.ports)
    for resource, (values, story, _) in owed.items():
        try:
            content = reader.read(resource)
        except client.ReadFailure as failure:
            problems.append(f"{failure} (last: {story})")
            continue
        match = [value for value in values if pool.is_same(value, content)]
        if match:
            found[resource] = match[0]
        else:
            expected = " or ".join(sorted(history.told(value) for value in values))
            size = "nothing" if content is None else content if isinstance(content, str) else f"{len(content)} bytes"
            problems.append(f"{resource} is {size}, not {expected} (last: {story})")
    if lists and not problems:
        problems += _check_lists(reader, found)
    reader.close()
    return problems, found


def _check_lists(reader, found):
    """Lists must show what reads show."""
    try:
        yield from _compare("the list of files", reader.blob_names(), _present(found, "blob"))
        for bucket in _present(found, "bucket"):
            expected = {name for name in _present(found, "object") if name.partition("/")[0] == bucket}
            yield from _compare(f"the list of {bucket}", reader.object_names(bucket), expected)
    except client.ReadFailure as failure:
        yield str(failure)


def _present(found, kind):
    return {name for resource, value in found.items() for prefix, _, name in [resource.partition(":")]
            if prefix == kind and value is not None}


def _compare(what, names, expected):
    for name in sorted(names ^ expected):
        yield f"{name} is in {what}, and can't be read" if name in names else f"{name} is missing in {what}"
