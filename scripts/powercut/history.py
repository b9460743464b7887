"""What clients asked for and were told, and so what each name may be after a loss of power.

A resource is an object of either API, a bucket or an access key. Its value is None where it does not exist. Each one
has one writer, who waits for an answer before the next request. What was answered with success is; what was refused
is not; what got no answer, or an error of the server, may be or not. What a reader has seen stays: only in a cluster
may a later write without an answer still take its place, as it may be on a node that is read later than the others.
"""

import collections

# What a resource may be, the last that happened to it, for people, and what it may still become by itself.
Owed = collections.namedtuple("Owed", "values story late")


def frozen(value):
    """A value as it comes out of JSON, so that it can be compared."""
    return tuple(frozen(part) for part in value) if isinstance(value, list) else value


class History:
    def __init__(self, is_cluster):
        self.is_cluster = is_cluster
        # What each resource may be; a resource that isn't here does not exist.
        self.values = {}
        # Values of writes without an answer that may take effect later, the oldest first.
        self.late = {}
        # Requests without an answer: their resource, what they make of it, and on which condition.
        self.flying = {}
        self.stories = {}
        self.problems = []

    def take(self, mark):
        if "begin" in mark:
            self.flying[mark["begin"]] = (mark["on"], frozen(mark["to"]), frozen(mark["if"]))
            self.stories[mark["on"]] = f"{told(frozen(mark['to']))} asked for, without an answer"
        elif "end" in mark:
            self._answer(mark)
        elif "seen" in mark:
            resource, value = mark["seen"], frozen(mark["value"])
            if value not in self.possible(resource):
                self.problems.append(f"{resource} was seen as {told(value)}, not as {self._expected(resource)}")
            self.see(resource, value)
            self.stories[resource] = f"{told(value)} seen by a reader"

    def see(self, resource, value):
        """A reader found a value that the resource may have."""
        late = self.late.get(resource, [])
        # What is older than a write that took effect never does.
        self.late[resource] = late[late.index(value) + 1:] if value in late else late
        self.values[resource] = {value}

    def _answer(self, mark):
        resource, value, condition = self.flying.pop(mark["end"])
        result = mark["result"]
        self.stories[resource] = f"{told(value)} {result}, status {mark['status']}"
        takes = self._may_take(resource, condition)
        if result == "done":
            if not takes:
                self.problems.append(
                    f"{resource} was changed (status {mark['status']}) although {condition} does not hold")
            self.values[resource] = {value}
            self.late.pop(resource, None)
        elif result == "unknown":
            if takes:
                self.values[resource] = self.now(resource) | {value}
                self._may_come_late(resource, value)
        elif takes and condition != "exists" and len(self.now(resource)) == 1:
            self.problems.append(f"{resource} was refused (status {mark['status']}) although {condition} holds")

    def _may_take(self, resource, condition):
        values = self.now(resource)
        if condition == "absent":
            return None in values
        if condition == "exists":
            return values != {None}
        return condition == "any" or (condition != "never" and condition[1] in values)

    def now(self, resource):
        """What it may be by all that was answered."""
        return self.values.get(resource, {None}) | set(self.late.get(resource, ()))

    def _may_come_late(self, resource, value):
        if self.is_cluster:
            self.late.setdefault(resource, []).append(value)

    def possible(self, resource):
        """The same with the requests that are under way."""
        values = set(self.now(resource))
        for flying, value, condition in self.flying.values():
            if flying == resource and self._may_take(resource, condition):
                values.add(value)
        return values

    def owed(self):
        """-> what must be true after a loss of power now."""
        owed = {}
        for resource in sorted(set(self.values) | {flying for flying, _, _ in self.flying.values()}):
            values = self.possible(resource)
            late = [*self.late.get(resource, []), *(values - self.now(resource) if self.is_cluster else ())]
            owed[resource] = Owed(values, self.stories.get(resource, ""), late)
        return owed

    def _expected(self, resource):
        return " or ".join(sorted(told(value) for value in self.possible(resource)))


def told(value):
    if value is None:
        return "nothing"
    if isinstance(value, str):
        return value
    return f"{sum(size for _, size in value)} bytes"
