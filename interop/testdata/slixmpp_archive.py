"""An archive, as slixmpp sees it: what it offers, all pages of it in both directions, preferences."""
import asyncio
import sys

import slixmpp
from slixmpp.exceptions import IqError

host, port, ca, password = sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4]
LIMIT, COUNT = 30, 45


class Client(slixmpp.ClientXMPP):
    def __init__(self, jid):
        super().__init__(jid, password)
        self.ca_certs = ca
        for plugin in ("xep_0030", "xep_0059", "xep_0199", "xep_0313", "xep_0359", "xep_0441"):
            self.register_plugin(plugin)
        self.ready = asyncio.get_event_loop().create_future()
        self.add_event_handler("session_start", lambda _: self.ready.set_result(None))
        self.got = []
        self.add_event_handler("message", self.got.append)

    async def login(self):
        self.connect((host, port), use_ssl=False)
        await asyncio.wait_for(self.ready, LIMIT)
        self.send_presence()
        await self.quiet()

    async def quiet(self):
        await self["xep_0199"].ping(self.boundjid.domain)


async def bodies(client, **query):
    out = []
    async for m in client["xep_0313"].iterate(rsm={"max": 20}, **query):
        result = m["mam_result"]
        assert result["forwarded"]["delay"]["stamp"], m
        out.append((result["id"], result["forwarded"]["stanza"]["body"]))
    return out


async def main():
    romeo, juliet = Client("romeo@example.org/laptop"), Client("juliet@example.org/balcony")
    for c in (romeo, juliet):
        await c.login()
    info = await romeo["xep_0030"].get_info("romeo@example.org")
    for feature in ("urn:xmpp:mam:2", "urn:xmpp:mam:2#extended", "urn:xmpp:sid:0"):
        assert feature in info["disco_info"]["features"], info
    fields = await romeo["xep_0313"].get_fields()
    assert {"with", "start", "end", "before-id", "after-id", "ids"} <= set(fields.get_fields()), fields

    said = [str(i) for i in range(COUNT)]
    for body in said:
        romeo.send_message("juliet@example.org", body, mtype="chat")
    await romeo.quiet()
    await juliet.quiet()
    assert [m["body"] for m in juliet.got] == said, juliet.got
    told = [(m["stanza_id"]["id"], m["body"]) for m in juliet.got]

    # every page, forwards and backwards, with the ids that came with the messages
    assert await bodies(juliet) == told
    assert sorted(await bodies(juliet, reverse=True)) == sorted(told)
    assert await bodies(romeo, with_jid="juliet@example.org") != []
    assert await bodies(romeo, with_jid="nurse@example.org") == []
    edges = (await juliet["xep_0313"].get_archive_metadata())["mam_metadata"]
    assert (edges["start"]["id"], edges["end"]["id"]) == (told[0][0], told[-1][0]), edges
    assert [b for _, b in await bodies(juliet, start=edges["end"]["timestamp"])][-1:] == said[-1:]

    # preferences
    default, _, _ = await romeo["xep_0441"].get_preferences()
    assert default == "always", default
    await romeo["xep_0441"].set_preferences(default="never", always=["nurse@example.org"], never=[])
    default, always, _ = await romeo["xep_0441"].get_preferences()
    assert default == "never" and [str(j) for j in always] == ["nurse@example.org"], (default, always)
    romeo.send_message("juliet@example.org", "off the record", mtype="chat")
    await romeo.quiet()
    assert len(await bodies(romeo)) == COUNT and len(await bodies(juliet)) == COUNT + 1
    await romeo["xep_0441"].set_preferences(default="always", always=[], never=[])
    try:
        await romeo["xep_0313"].retrieve(jid="juliet@example.org")
    except IqError as e:
        assert e.iq["error"]["condition"] == "service-unavailable", e.iq
    else:
        raise AssertionError("romeo reads juliet's archive")
    print("done")


asyncio.get_event_loop().run_until_complete(asyncio.wait_for(main(), 4 * LIMIT))
