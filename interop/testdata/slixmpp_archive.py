"""slixmpp pages through an archive by its own iterator (XEP-0313, XEP-0059), and sets preferences (XEP-0441)."""
from slixmpp.exceptions import IqError
from slixmpp_client import Client, numbered, play


async def archived(client, **options):
    return [r["mam_result"] async for r in client["xep_0313"].iterate(**options)]


def bodies(results):
    return [r["forwarded"]["stanza"]["body"] for r in results]


async def main():
    plugins = ("xep_0313", "xep_0441")
    romeo, nurse, juliet = (Client(j, *plugins) for j in ("romeo@example.org/laptop", "nurse@example.org/hall", "juliet@example.org/phone"))
    for c in (romeo, nurse, juliet):
        await c.login()
        c.send_presence()
    features = (await juliet["xep_0030"].get_info("juliet@example.org"))["disco_info"]["features"]
    for f in ("urn:xmpp:mam:2", "urn:xmpp:mam:2#extended", "urn:xmpp:sid:0"):
        assert f in features, f"{f} is not among {features}"
    fields = (await juliet["xep_0313"].get_fields()).get_fields()
    for f in ("with", "start", "end", "before-id", "after-id", "ids"):
        assert f in fields, f"{f} is not among {list(fields)}"

    # 230 messages: every third is the nurse's
    everything = numbered(1, 230)
    hers = everything[2::3]
    for n in range(0, 230, 3):
        await romeo.writes("juliet@example.org", everything[n:n + 2])
        await nurse.writes("juliet@example.org", everything[n + 2:n + 3])
    await juliet.reads(everything)

    for size in (10, 50, 230, 1000):
        forwards = await archived(juliet, rsm={"max": size})
        assert bodies(forwards) == everything, f"forwards, {size} a page: {bodies(forwards)}"
        backwards = await archived(juliet, rsm={"max": size}, reverse=True)
        assert bodies(backwards) == everything[::-1], f"backwards, {size} a page: {bodies(backwards)}"
    ids = [r["id"] for r in forwards]
    assert ids == [m["stanza_id"]["id"] for m in juliet.messages], "the ids of what came and of what is archived differ"

    for reverse in (False, True):
        got = bodies(await archived(juliet, with_jid="nurse@example.org", rsm={"max": 7}, reverse=reverse))
        assert got == hers[::-1 if reverse else 1], f"with the nurse: {got}"
        since = forwards[130]["forwarded"]["delay"]["stamp"]
        late = [b for b, r in zip(everything, forwards) if r["forwarded"]["delay"]["stamp"] >= since]
        got = bodies(await archived(juliet, start=since, rsm={"max": 7}, reverse=reverse))
        assert got == late[::-1 if reverse else 1], f"since {since}: {got}"
        got = bodies(await archived(juliet, start=since, with_jid="nurse@example.org", reverse=reverse))
        want = [b for b in late if b in hers]
        assert got == want[::-1 if reverse else 1], f"with the nurse since {since}: {got}"
    assert not await archived(juliet, with_jid="tybalt@example.org"), "there is nothing of Tybalt's"

    metadata = (await juliet["xep_0313"].get_archive_metadata())["mam_metadata"]
    assert [metadata["start"]["id"], metadata["end"]["id"]] == [ids[0], ids[-1]], metadata

    # preferences: not with the nurse
    default, always, never = await juliet["xep_0441"].get_preferences()
    assert (default, always, never) == ("always", set(), set()), (default, always, never)
    await juliet["xep_0441"].set_preferences("roster", ["romeo@example.org"], ["nurse@example.org"])
    default, always, never = await juliet["xep_0441"].get_preferences()
    assert (default, always, never) == ("roster", {"romeo@example.org"}, {"nurse@example.org"}), (default, always, never)
    await nurse.writes("juliet@example.org", numbered(231, 231))
    await romeo.writes("juliet@example.org", numbered(232, 232))
    await juliet.reads(numbered(1, 232))
    assert bodies(await archived(juliet, rsm={"max": 300})) == everything + numbered(232, 232), "the preferences are not followed"
    assert "message 231" in bodies(await archived(nurse)), "whose archive is whose?"
    try:
        await romeo["xep_0313"].retrieve(jid="juliet@example.org")
    except IqError as e:
        assert e.iq["error"]["condition"] == "service-unavailable", e.iq
    else:
        raise AssertionError("Romeo reads Juliet's archive")
    for c in (romeo, nurse, juliet):
        await c.disconnect()


play(main)
