"""Two people and a second device, as slixmpp sees them: log in, ask for approval, see presence, write, copy, block."""
import asyncio
import ssl
import sys

import slixmpp
from slixmpp.exceptions import IqError

host, port, ca, password = sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4]
LIMIT = 30


class Client(slixmpp.ClientXMPP):
    """A client that remembers what came, and lets one wait for it."""

    def __init__(self, jid):
        super().__init__(jid, password)
        self.ca_certs = ca
        self.auto_authorize = None
        self.auto_subscribe = False
        for plugin in ("xep_0030", "xep_0054", "xep_0077", "xep_0092", "xep_0191", "xep_0199", "xep_0202", "xep_0280", "xep_0012"):
            self.register_plugin(plugin)
        self.seen = asyncio.Queue()
        self.ready = asyncio.get_event_loop().create_future()
        self.add_event_handler("session_start", lambda _: self.ready.set_result(None))
        self.add_event_handler("failed_all_auth", lambda _: self.ready.set_exception(RuntimeError("no mechanism worked")))
        self.add_event_handler("message", lambda m: self.seen.put_nowait(("message", str(m["from"]), m["body"])))
        self.add_event_handler("carbon_sent", lambda m: self.seen.put_nowait(("sent", str(m["carbon_sent"]["to"]), m["carbon_sent"]["body"])))
        self.add_event_handler("carbon_received", lambda m: self.seen.put_nowait(("received", str(m["carbon_received"]["from"]), m["carbon_received"]["body"])))
        self.add_event_handler("presence_subscribe", lambda p: self.seen.put_nowait(("subscribe", str(p["from"]), "")))
        self.add_event_handler("presence_subscribed", lambda p: self.seen.put_nowait(("subscribed", str(p["from"]), "")))
        self.add_event_handler("changed_status", lambda p: self.seen.put_nowait(("presence", str(p["from"]), p["type"])))

    async def login(self):
        self.connect((host, port), use_ssl=False)
        await asyncio.wait_for(self.ready, LIMIT)
        await self.get_roster()

    async def until(self, kind, who, what=None):
        """Waits for something, and passes over the rest."""
        async def look():
            while True:
                k, w, x = await self.seen.get()
                if k == kind and w.startswith(who) and (what is None or x == what):
                    return
        try:
            await asyncio.wait_for(look(), LIMIT)
        except asyncio.TimeoutError:
            raise RuntimeError(f"{self.boundjid}: no {kind} of {who} {what or ''}")

    async def quiet(self):
        """A ping comes back after everything that was sent before it."""
        await self["xep_0199"].ping(self.boundjid.domain)


async def main():
    romeo, phone, juliet = Client("romeo@example.org/laptop"), Client("romeo@example.org/phone"), Client("juliet@example.org/balcony")
    for c in (romeo, phone, juliet):
        await c.login()
        c.send_presence(pshow="chat" if c is juliet else None, pstatus="here")
    print("mechanism", romeo["feature_mechanisms"].mech.name)

    # a favourite: asked for, approved, in both directions
    romeo.send_presence_subscription("juliet@example.org", ptype="subscribe")
    await juliet.until("subscribe", "romeo@example.org")
    juliet.send_presence_subscription("romeo@example.org", ptype="subscribed")
    juliet.send_presence_subscription("romeo@example.org", ptype="subscribe")
    await romeo.until("subscribed", "juliet@example.org")
    await romeo.until("presence", "juliet@example.org/balcony", "chat")
    await romeo.until("subscribe", "juliet@example.org")
    romeo.send_presence_subscription("juliet@example.org", ptype="subscribed")
    await juliet.until("presence", "romeo@example.org/laptop")
    await romeo.get_roster()
    item = romeo.client_roster["juliet@example.org"]
    assert item["subscription"] == "both", item

    # busy, and away again
    juliet.send_presence(pshow="dnd", pstatus="busy with a nurse")
    await romeo.until("presence", "juliet@example.org/balcony", "dnd")

    # messages, and copies on the other device
    await phone["xep_0280"].enable()
    romeo.send_message("juliet@example.org", "But, soft!", mtype="chat")
    await juliet.until("message", "romeo@example.org/laptop", "But, soft!")
    await phone.until("sent", "juliet@example.org", "But, soft!")
    juliet.send_message("romeo@example.org/laptop", "Ay me!", mtype="chat")
    await romeo.until("message", "juliet@example.org/balcony", "Ay me!")
    await phone.until("received", "juliet@example.org/balcony", "Ay me!")

    # discovery, version, time, vCard
    info = await romeo["xep_0030"].get_info("example.org")
    features = info["disco_info"]["features"]
    for f in ("urn:xmpp:carbons:2", "urn:xmpp:blocking", "urn:xmpp:ping", "jabber:iq:version", "urn:xmpp:time", "vcard-temp", "jabber:iq:last"):
        assert f in features, f
    version = await romeo["xep_0092"].get_version("example.org")
    assert version["software_version"]["name"] == "Palabre", version
    card = romeo["xep_0054"].make_vcard()
    card["FN"] = "Romeo Montague"
    await romeo["xep_0054"].publish_vcard(card)
    got = await juliet["xep_0054"].get_vcard("romeo@example.org")
    assert got["vcard_temp"]["FN"] == "Romeo Montague", got

    # blocking ends all of it
    await juliet["xep_0191"].block("romeo@example.org")
    await romeo.until("presence", "juliet@example.org/balcony", "unavailable")
    romeo.send_message("juliet@example.org", "Wherefore?", mtype="chat")
    await romeo.quiet()
    await juliet.quiet()
    while not juliet.seen.empty():
        k, w, x = juliet.seen.get_nowait()
        assert x != "Wherefore?", "a blocked message arrived"
    await juliet["xep_0191"].unblock("romeo@example.org")
    await romeo.until("presence", "juliet@example.org/balcony", "dnd")

    # a new password, and a wrong one
    await phone["xep_0077"].change_password("new " + password)
    for c in (romeo, phone, juliet):
        await c.disconnect()
    wrong = Client("romeo@example.org/laptop")
    try:
        await wrong.login()
    except RuntimeError:
        pass
    else:
        raise AssertionError("the old password still works")
    wrong.abort()
    print("done")

loop = asyncio.get_event_loop()
loop.run_until_complete(asyncio.wait_for(main(), 120))
