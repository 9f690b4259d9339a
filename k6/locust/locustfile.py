"""The load scenarios of the lab for Locust. The numbers are those of k6, which `npm run generate` writes to k6/numbers.json.

Each Locust user is a slot of the load curve: it makes one visit after another, each with a new socket. Variables: SCENARIO, SHORT=1, SOCKETS,
DURATION (seconds), and RESULT, a file for the results as JSON. The address is Locust's option --host, for example ws://localhost:8000.
"""

import itertools
import json
import os
import random
import time
from pathlib import Path

import gevent
import websocket
from locust import LoadTestShape, User, events, task

numbers = json.loads((Path(__file__).parent.parent / "numbers.json").read_text())
visits = numbers["visits"]
types = numbers["types"]
name = os.environ.get("SCENARIO") or "default"
if name not in numbers["scenarios"]:
    raise SystemExit(f'SCENARIO is "{name}"; allowed: {", ".join(numbers["scenarios"])}')
scenario = numbers["scenarios"][name]
stages = scenario["short" if os.environ.get("SHORT") == "1" else "stages"]
length = sum(stage["seconds"] for stage in stages)
sockets = int(os.environ.get("SOCKETS") or scenario["sockets"])
stretch = float(os.environ.get("DURATION") or length) / length
rooms = scenario["rooms"]
run_id = f"locust-{int(time.time())}"
# Time limits for a handshake and for the responses that are outstanding at the end of a visit. Seconds.
handshake_timeout = 10
answer_timeout = 5

counts = {"socketsOpened": 0, "messagesSent": 0, "messagesAnswered": 0, "errors": 0}
round_trips = []
slots = itertools.count()


def chosen(range_name):
    """Returns a random number from a range of k6/numbers.json."""
    return random.uniform(*visits[range_name])


class Curve(LoadTestShape):
    """Follows the load curve, which is linear between its points, and ends the run with the curve."""

    def tick(self):
        left = self.get_run_time()
        level = 0.0
        for stage in stages:
            seconds = stage["seconds"] * stretch
            if left < seconds:
                return round(sockets * (level + (stage["share"] - level) * left / seconds)), 1000
            left -= seconds
            level = stage["share"]
        return None


class Visitor(User):
    """A slot of the load curve."""

    def on_start(self):
        self.slot = next(slots)
        self.visit_number = 0
        self.room = None
        if self.slot % rooms["every"] == 0:
            self.room = f"{run_id}-{self.slot // (rooms['every'] * rooms['members'])}"

    @task
    def visit(self):
        self.visit_number += 1
        self.waiting = {}
        self.joined = False
        started = time.monotonic()
        try:
            self.socket = websocket.create_connection(
                self.host + numbers["path"].replace(":connectionId", f"{run_id}-{self.slot}-{self.visit_number}"),
                timeout=handshake_timeout,
            )
        except (OSError, websocket.WebSocketException) as error:
            self.report("connect", started, error)
            gevent.sleep(1)
            return
        counts["socketsOpened"] += 1
        self.report("connect", started, None)
        try:
            self.stay(time.monotonic() + chosen("stayMs") / 1000)
        except (OSError, websocket.WebSocketException) as error:
            self.report("session", started, error)
        finally:
            self.socket.close()
        gevent.sleep(chosen("pauseMs") / 1000)

    def stay(self, ends):
        """Sends messages until the visit ends, and then waits for the outstanding responses."""
        if self.room is not None:
            self.say({"type": types["join"], "room": self.room})
        due = time.monotonic() + chosen("firstMessageMs") / 1000
        while (now := time.monotonic()) < ends:
            if now >= due:
                data = "x" * int(chosen("messageCharacters"))
                if self.joined and random.random() < rooms["share"]:
                    self.say({"type": types["broadcast"], "room": self.room, "data": data})
                else:
                    self.say({"type": types["message"], "data": data})
                due = now + chosen("betweenMessagesMs") / 1000
            self.receive(min(ends, due))
        while self.waiting and time.monotonic() < ends + answer_timeout:
            self.receive(ends + answer_timeout)
        counts["errors"] += len(self.waiting)

    def say(self, message):
        message_id = f"{self.slot}-{self.visit_number}-{counts['messagesSent']}"
        self.waiting[message_id] = time.monotonic()
        self.socket.send(json.dumps({**message, "id": message_id}))
        counts["messagesSent"] += 1

    def receive(self, until):
        """Handles one frame, or returns at the given time."""
        self.socket.settimeout(max(0.001, until - time.monotonic()))
        try:
            text = self.socket.recv()
        except websocket.WebSocketTimeoutException:
            return
        frame = json.loads(text)
        # A response with `stored: false` is followed by another one when the room message is stored.
        if frame.get("stored") is False or frame.get("id") not in self.waiting:
            return
        if frame["type"] not in (types["response"], types["joined"], types["error"]):
            return
        started = self.waiting.pop(frame["id"])
        self.joined = self.joined or frame["type"] == types["joined"]
        failed = frame["type"] == types["error"]
        self.report("message", started, RuntimeError(frame["code"]) if failed else None)
        if not failed:
            counts["messagesAnswered"] += 1
            round_trips.append((time.monotonic() - started) * 1000)

    def report(self, what, started, error):
        if error is not None:
            counts["errors"] += 1
        took_ms = (time.monotonic() - started) * 1000
        events.request.fire(request_type="WS", name=what, response_time=took_ms, response_length=0, exception=error, context={})


@events.quitting.add_listener
def write_result(**_):
    """Writes the results in the form in which the lab's comparison reads them."""
    if "RESULT" in os.environ:
        ordered = sorted(round_trips)
        p95 = ordered[min(len(ordered) - 1, int(len(ordered) * 0.95))] if ordered else None
        Path(os.environ["RESULT"]).write_text(json.dumps({**counts, "rttP95Ms": p95}))
