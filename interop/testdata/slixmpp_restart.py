"""The server is stopped by SIGTERM and started again. slixmpp notices a new connection, and nothing else: its sessions go on (XEP-0198 §5)."""
from slixmpp_client import Client, befriend, numbered, play, server


async def main():
    romeo, balcony, phone = (Client(j, "xep_0198", "xep_0280") for j in ("romeo@example.org/laptop", "juliet@example.org/balcony", "juliet@example.org/phone"))
    for c in (romeo, balcony, phone):
        await c.login()
        c.send_presence(pstatus="here")
        c.returns = True
        assert c["xep_0198"].sm_id, "there is no id to resume by"
    for c in (balcony, phone):
        await c["xep_0280"].enable()
    await befriend(romeo, balcony)
    await romeo.writes("juliet@example.org", numbered(1, 5))
    await phone.loses()
    await romeo.writes("juliet@example.org", numbered(6, 10))
    await balcony.reads(numbered(1, 10))
    for c in (romeo, balcony):
        c.seen.clear()

    # away: one is connected, one has been gone for a while, and one has things to say when it is back
    await server("terminate")
    for c in (romeo, balcony):
        await c.until("disconnected")
    for b in numbered(11, 15):
        romeo.send_message("juliet@example.org", b, mtype="chat")
    await server("start")
    for c in (romeo, balcony):
        await c.until("session_resumed")
    await balcony.reads(numbered(1, 15))

    # whoever logs in now sees Juliet where she was: nobody has sent a presence since
    tablet = Client("romeo@example.org/tablet")
    await tablet.login()
    tablet.send_presence()
    there = set()
    while there != {"juliet@example.org/balcony", "juliet@example.org/phone"}:
        await tablet.until("presence", "juliet@example.org/")
        there = {f"juliet@example.org/{r}" for r, p in tablet.client_roster["juliet@example.org"].resources.items() if p["status"] == "here"}
    noticed = [e for e in romeo.has_seen("presence") if e[1].startswith("juliet")]
    assert not noticed, f"Romeo was told of {noticed}"

    # the phone comes back
    phone.arrives()
    await phone.until("session_resumed")
    await phone.reads(numbered(1, 15))
    balcony.send_message("romeo@example.org", "Ay me!", mtype="chat")
    assert await phone.until("sent", "romeo@example.org") == "Ay me!", "it gets no copies any more"

    # and once more
    for c in (romeo, balcony, phone):
        c.seen.clear()
    await server("terminate", "start")
    for c in (romeo, balcony, phone):
        await c.until("session_resumed")
    await romeo.writes("juliet@example.org", numbered(16, 20))
    for c in (balcony, phone):
        await c.reads(numbered(1, 20))
    assert romeo.bodies() == ["Ay me!"], romeo.bodies()
    for c in (romeo, balcony, phone):
        assert not c.has_seen("session_start", "sm_failed"), c.seen
        await c.disconnect()
    await tablet.disconnect()


play(main)
