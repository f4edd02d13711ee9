"""What the scripts for slixmpp share. Run one as: SCRIPT HOST PORT CA PASSWORD. What is to be done to the server comes as a line on its output, and a line on
its input says that it is done."""
import asyncio
import sys

import slixmpp

host, port, ca, password = sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4]
LIMIT = 60


class Client(slixmpp.ClientXMPP):
    """A client that remembers what came, and lets one wait for it."""

    def __init__(self, jid, *plugins):
        super().__init__(jid, password)
        self.ca_certs = ca
        self.auto_authorize = None
        self.auto_subscribe = False
        for plugin in ("xep_0030", "xep_0199", "xep_0203", "xep_0359") + plugins:
            self.register_plugin(plugin)
        self.returns = False    # whether it connects again when its connection is lost
        self.seen = []          # (kind, who, what)
        self.messages = []      # what had a body, as it came
        self.came = asyncio.Event()
        note = self.note
        for name in ("session_start", "session_resumed", "sm_enabled", "disconnected", "failed_all_auth"):
            self.add_event_handler(name, lambda _, name=name: note(name))
        self.add_event_handler("sm_failed", lambda e: note("sm_failed", "", e.xml.get("h")))
        self.add_event_handler("stanza_acked", lambda s: note("acked", str(s["to"]), s["body"] if s.name == "message" else ""))
        self.add_event_handler("message", self.got)
        self.add_event_handler("carbon_sent", lambda m: note("sent", str(m["carbon_sent"]["to"]), m["carbon_sent"]["body"]))
        self.add_event_handler("carbon_received", lambda m: note("received", str(m["carbon_received"]["from"]), m["carbon_received"]["body"]))
        self.add_event_handler("presence", lambda p: note(p["type"] if "subscribe" in p["type"] else "presence", str(p["from"]), p["type"]))
        self.add_event_handler("disconnected", self.lost)

    def note(self, kind, who="", what=""):
        self.seen.append((kind, who, what))
        self.came.set()

    def got(self, m):
        self.messages.append(m)
        self.note("message", str(m["from"]), m["body"])

    def lost(self, _):
        if self.returns:
            self.arrives()

    def arrives(self):
        """Connects, and does so again if the connection is lost."""
        self.returns = True
        self.connect((host, port))

    async def login(self):
        self.connect((host, port))
        await self.until("session_start")
        await self.get_roster()

    async def until(self, kind, who="", what=None):
        """Waits for something, and passes over what came before it."""
        async def look():
            while True:
                while self.seen:
                    k, w, x = self.seen.pop(0)
                    if k == kind and w.startswith(who) and (what is None or x == what):
                        return x
                    if k == "failed_all_auth":
                        raise RuntimeError("no mechanism worked")
                self.came.clear()
                await self.came.wait()
        try:
            return await asyncio.wait_for(look(), LIMIT)
        except asyncio.TimeoutError:
            raise RuntimeError(f"{self.boundjid}: no {kind} of {who} {what or ''}; of messages, {self.bodies()}")

    def bodies(self):
        return [m["body"] for m in self.messages]

    async def reads(self, want):
        """Waits for as many messages as it is to have in all, and checks that they are these, in this order, and no others."""
        async def look():
            while len(self.messages) < len(want):
                self.came.clear()
                await self.came.wait()
        try:
            await asyncio.wait_for(look(), LIMIT)
        except asyncio.TimeoutError:
            pass
        await self.fence()
        assert self.bodies() == want, f"{self.boundjid} has {self.bodies()} and not {want}"

    async def fence(self):
        """A ping comes back after everything that was sent before it."""
        await self["xep_0199"].ping(self.boundjid.domain)

    async def writes(self, to, bodies):
        """Sends messages, and waits until the server has taken each over."""
        for b in bodies:
            self.send_message(to, b, mtype="chat")
        await self.fence()

    async def loses(self):
        """Its connection is cut, and it does not come back."""
        self.returns = False
        self.abort()
        await self.until("disconnected")

    def has_seen(self, *kinds):
        return [e for e in self.seen if e[0] in kinds]


async def befriend(a, b):
    """Both see each other."""
    for x, y in ((a, b), (b, a)):
        x.send_presence_subscription(y.boundjid.bare, ptype="subscribe")
        await y.until("subscribe", x.boundjid.bare)
        y.send_presence_subscription(x.boundjid.bare, ptype="subscribed")
        await x.until("presence", y.boundjid.bare)


async def server(*actions):
    """Has something done to the server: terminate, kill, start."""
    for a in actions:
        print("server:", a, flush=True)
        line = await asyncio.get_event_loop().run_in_executor(None, sys.stdin.readline)
        assert line.strip() == "done", line


def numbered(first, last):
    return [f"message {n}" for n in range(first, last + 1)]


def play(main):
    asyncio.run(asyncio.wait_for(main(), 240))
    print("done")
