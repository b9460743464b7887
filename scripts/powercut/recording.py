"""A load under record, and the cuts that are made of it."""

import json
import os
import pathlib
import random
import shutil
import threading
import time

import check
import disk
import history
import journal
import load
import servers
import systems

WRITERS = 5
BYTES_PER_SECOND = 8 << 20
SYNC_US_MAX = 3000
# So many changes of its files a process makes at most before it dies early.
EARLY_CHANGES_MAX = 150
# Of the disks that are lost, that many are lost at once, and the others when all copies have been made.
LOST_AT_ONCE_SHARE = 0.5
# Of the images, that many get more load and a second loss of power.
AGAIN_SHARE = 0.25
AGAIN_SECONDS = 0.4


def settings_of(folder):
    return json.loads((folder / "settings.json").read_text())


class Recording:
    def __init__(self, settings, running, library, folder, program, found):
        self.settings, self.running, self.library, self.program = settings, running, library, program
        self.found = found
        self.folder = pathlib.Path(folder)
        self.number = settings["number"]
        self.random = random.Random(f"{settings['seed']}/{self.number}")
        self.pool = load.Pool(settings["seed"])

    @classmethod
    def kept(cls, folder, running, library, work, program, found):
        """One that was kept because a cut of it failed."""
        made = cls(settings_of(folder), running, library, work / "again", program, found)
        made.folder.mkdir()
        for name in ("journal", "base"):
            if (folder / name).exists():
                os.symlink((folder / name).resolve(), made.folder / name)
        return made

    def make(self):
        """Loads the system while all changes are recorded; its processes end now and then."""
        root = self.folder / "disk"
        root.mkdir(parents=True)
        marks = journal.Marks(self.journal)
        system = self._system(root, self.folder / "logs", self.random.choice([200, 1000, SYNC_US_MAX]))
        if self.settings["cluster"]:
            system.prepare()
            shutil.copytree(root, self.base)
        seconds = self.settings["seconds"]
        loaded = load.Load(self.random.randrange(1 << 30), WRITERS, self.pool, marks, int(seconds * BYTES_PER_SECOND),
                           self.settings["cluster"])
        ends = [self.random.choice(["crash", "crash", "stop", "early crash"]) for _ in range(2)] + ["crash"]
        for end in ends:
            # Mostly while it starts or makes its first volume.
            system.changes_max = self.random.randrange(1, EARLY_CHANGES_MAX) if end == "early crash" else None
            try:
                system.start()
            except servers.Failure:
                if not (system.changes_max and system.has_died):
                    raise
                system.kill()
                continue
            share = self.random.uniform(0.15, 0.25) if end is not ends[-1] else 0.5
            loaded.run(system.ports, lambda: self._end(system, end, seconds * share, loaded))
        marks.close()
        if loaded.problems:
            raise servers.Failure("\n".join(["the load was told what can't be:", *loaded.problems]))
        now = disk.Disk(self.base if self.base.exists() else None)
        for entry in journal.entries(self.journal):
            now.take(*entry)
        if differences := now.differences(root):
            what = f"the journal is not what happened (kept in {self.keep()}):"
            raise servers.Failure("\n".join([what, *differences]))
        shutil.rmtree(root)
        print(f"powercut: recording {self.number}: {loaded.answered} requests answered ("
              + ", ".join(f"{count} × {status or 'no answer'}" for status, count in sorted(loaded.statuses.items()))
              + f"), {now.number} changes, {', '.join(ends)}", flush=True)

    def _end(self, system, end, seconds, loaded):
        until = time.monotonic() + seconds
        while time.monotonic() < until and not system.has_died:
            time.sleep(0.01)
        # With the load still on.
        threading.Timer(0.01, loaded.stopping.set).start()
        if end == "stop":
            system.stop()
        else:
            system.kill()
        loaded.stopping.set()

    def cut_all(self, pool, only=None):
        """-> how many cuts were made, and the problems of those that failed."""
        places, count = self._places()
        order = sorted(range(len(places)), key=lambda cut: places[cut]) if only is None else [only]
        results, problems = [], {}
        room = threading.Semaphore(4)
        moments = self._moments()
        for cut in order:
            now, owed = moments(places[cut])
            room.acquire()
            folder = self.folder / f"cut-{cut}"
            chance = self._image(now, cut, folder)
            results.append((cut, pool.submit(self._cut, folder, cut, owed, chance, room)))
        for cut, result in results:
            if texts := result.result():
                problems[cut] = [f"after entry {places[cut]} of {count}:", *texts]
        return len(order), problems

    def _places(self):
        """-> after how many entries each cut is made, and how many there are."""
        count, turns = journal.places(self.journal)
        choice = random.Random(f"{self.settings['seed']}/{self.number}/places")
        # Some fall anywhere.
        anywhere = range(1, count + 1)
        return [choice.choice(choice.choice([*turns, anywhere, anywhere]) or anywhere) - choice.choice([0, 0, 1])
                for _ in range(self.settings["cuts"])], count

    def _moments(self):
        """-> a function of a place, each behind the last: the disk there, and what each resource may be."""
        now = disk.Disk(self.base if self.base.exists() else None)
        told = history.History(self.settings["cluster"])
        for resource, (values, late) in self.settings.get("owed", {}).items():
            told.values[resource] = {history.frozen(value) for value in values}
            told.late[resource] = [history.frozen(value) for value in late]
        entries = journal.entries(self.journal)

        def moment(place):
            while now.number < place:
                entry = next(entries)
                now.take(*entry)
                if entry[0] == journal.MARK:
                    told.take(json.loads(entry[3]))
            return now, told.owed()

        return moment

    def _image(self, now, cut, folder):
        chance = random.Random(f"{self.settings['seed']}/{self.number}/cut {cut}")
        (folder / "disk").mkdir(parents=True)
        now.image(chance, folder / "disk")
        if self.settings["cluster"]:
            systems.Cluster.mend(folder / "disk")
        return chance

    def _cut(self, folder, cut, owed, chance, room):
        """Starts the system on an image; -> problems."""
        try:
            return self._look(folder, cut, owed, chance)
        except Exception as error:
            return [f"{type(error).__name__}: {error}"]
        finally:
            shutil.rmtree(folder, ignore_errors=True)
            room.release()

    def _look(self, folder, cut, owed, chance):
        # A lost disk is lost: what is recorded of it means nothing.
        if chance.random() >= AGAIN_SHARE or self.settings["lose_disk"]:
            system = self._system(folder / "disk", folder / "logs")
            problems = self._start_and_check(system, owed, chance)[0]
            system.kill()
            return problems
        # The recovery and what follows it are recorded, and cut off as well.
        settings = self.settings | {
            "number": f"{self.number}-{cut}", "cuts": 1,
            "owed": {resource: (list(values), list(late)) for resource, (values, _, late) in owed.items()}}
        again = Recording(settings, self.running, self.library, folder, self.program, self.found)
        shutil.copytree(folder / "disk", again.base)
        marks = journal.Marks(again.journal)
        system = again._system(folder / "disk", folder / "logs", 300)
        problems, found = self._start_and_check(system, owed, chance)
        if problems:
            system.kill()
            return problems
        loaded = load.Load(chance.randrange(1 << 30), 2, self.pool, marks, 1 << 20, self.settings["cluster"])
        for resource, value in found.items():
            marks.put({"seen": resource, "value": value})
            for writer in loaded.writers:
                writer.history.late[resource] = list(owed[resource].late)
                writer.history.see(resource, value)
        loaded.run(system.ports, lambda: self._end(system, "crash", AGAIN_SECONDS, loaded))
        marks.close()
        return loaded.problems or again._look_again()

    def _look_again(self):
        (place,), count = self._places()
        now, owed = self._moments()(place)
        chance = self._image(now, 0, self.folder / "again")
        system = self._system(self.folder / "again/disk", self.folder / "logs-again")
        problems, _ = self._start_and_check(system, owed, chance)
        system.kill()
        if not problems:
            return []
        return [f"second loss of power, after entry {place} of {count} (kept in {self.keep()}):", *problems]

    def _start_and_check(self, system, owed, chance):
        system.start()
        problems, found = check.check(system, owed, self.pool)
        if self.settings["lose_disk"] and not problems:
            problems, found = self._lose_disk(system, owed, found, chance)
        return problems + system.complaints, found

    def _lose_disk(self, system, owed, found, chance):
        # What nobody was promised may be on one disk until it is copied.
        is_at_once = chance.random() < LOST_AT_ONCE_SHARE
        if not is_at_once:
            system.wait_until_copied()
        still = {name: owed[name]._replace(values={value, *owed[name].late}) for name, value in found.items()
                 if not is_at_once or len(owed[name].values) == 1}
        lost = system.lose_disk(chance)
        problems, found = check.check(system, still, self.pool, lists=not is_at_once)
        when = "at once" if is_at_once else "when all was copied"
        return [f"after the loss of {lost}, {when}: {problem}" for problem in problems], found

    def _system(self, root, logs, sync_us=None):
        recorder = systems.Recorder(self.library, self.journal, sync_us) if sync_us is not None else None
        settings = {"DURABILITY": self.settings["durability"]} if self.settings["durability"] != "sync" else {}
        if self.settings["cluster"]:
            return systems.Cluster(self.program, self.running, root, logs, recorder=recorder, settings=settings,
                                   appendfsync=self.settings["appendfsync"])
        return systems.Server(self.program, self.running, root, logs, recorder=recorder, settings=settings)

    @property
    def journal(self):
        return self.folder / "journal"

    @property
    def base(self):
        return self.folder / "base"

    def keep(self):
        """Keeps what is needed to make the cuts again; -> where."""
        folder = self.found / f"{self.settings['seed']}-{self.number}"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        (folder / "settings.json").write_text(json.dumps(self.settings, indent=2))
        shutil.copy(self.journal, folder / "journal")
        if self.base.exists():
            shutil.copytree(self.base, folder / "base")
        return folder

    def remove(self):
        shutil.rmtree(self.folder)
