"""The server is killed. slixmpp can't resume, binds anew, and has everything once: from the archive, or because it waits for it."""
from slixmpp_client import Client, numbered, play, server


async def archived(client, **options):
    """The bodies in the archive, and the ids of the entries."""
    found = [r["mam_result"] async for r in client["xep_0313"].iterate(**options)]
    return [r["forwarded"]["stanza"]["body"] for r in found], [r["id"] for r in found]


async def back(client, acked):
    """Waits until a client has bound anew."""
    h = await client.until("sm_failed")
    assert h is None or int(h) >= acked, f"{client.boundjid} was told {acked} before, and {h} now"
    await client.until("session_start")


async def main():
    romeo, juliet = (Client(j, "xep_0198", "xep_0313") for j in ("romeo@example.org/laptop", "juliet@example.org/phone"))
    for c in (romeo, juliet):
        await c.login()
        c.send_presence()
        c.returns = True
    await romeo.writes("juliet@example.org", numbered(1, 10))
    await juliet.reads(numbered(1, 10))
    last = juliet.messages[-1]["stanza_id"]["id"]
    await juliet.loses()
    await romeo.writes("juliet@example.org", numbered(11, 20))

    # she asks the archive for what came after the last message that she has seen, and then becomes available
    romeo["xep_0198"].request_ack()
    await romeo.until("acked", "juliet@example.org", "message 20")
    acked = {c: c["xep_0198"].last_ack for c in (romeo, juliet)}
    await server("kill", "start")
    juliet.arrives()
    for c in (romeo, juliet):
        await back(c, acked[c])
    missed, _ = await archived(juliet, rsm={"max": 3, "after": last})
    assert missed == numbered(11, 20), missed
    for c in (romeo, juliet):
        c.send_presence()
    await juliet.reads(numbered(1, 10))

    # this time she becomes available at once
    await romeo.writes("juliet@example.org", numbered(21, 25))
    await juliet.reads(numbered(1, 10) + numbered(21, 25))
    await juliet.loses()
    await romeo.writes("juliet@example.org", numbered(26, 35))
    acked = {c: c["xep_0198"].last_ack for c in (romeo, juliet)}
    await server("kill", "start")
    juliet.arrives()
    for c in (romeo, juliet):
        await back(c, acked[c])
        c.send_presence()
    await juliet.until("message", "romeo@example.org", "message 35")
    await juliet.fence()
    bodies, ids = await archived(juliet)
    assert bodies == numbered(1, 35), bodies

    # all that waited has come. What she acknowledged in the seconds before the crash may come again, late, and by its id she knows it
    known = dict(zip(ids, bodies))
    late = [m for m in juliet.messages if m["delay"]["stamp"]]
    came = [m["stanza_id"]["id"] for m in late]
    assert came == sorted(set(came), key=ids.index) and came[-10:] == ids[25:], juliet.bodies()
    assert all(known[m["stanza_id"]["id"]] == m["body"] for m in juliet.messages), "an id means something else than it did"
    at_once = [m["body"] for m in juliet.messages if not m["delay"]["stamp"]]
    # (what comes in the instant in which she becomes available may be brought as if it had waited)
    assert at_once[-5:] == numbered(21, 25) and at_once[:-5] == [b for b in numbered(1, 10) if b in at_once], at_once
    assert (await archived(romeo))[0] == numbered(1, 35), "what Romeo has sent is not in his archive once"
    for c in (romeo, juliet):
        await c.disconnect()


play(main)
