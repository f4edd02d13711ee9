"""Romeo and the nurse, with slixmpp, are in a room with Juliet, who uses Profanity (XEP-0045, XEP-0249, XEP-0313): made, entered by invitation, left by a kick, and there again after
restarts."""
import asyncio

from slixmpp.exceptions import PresenceError
from slixmpp_client import Client, play, server

ROOM = "orchard@conference.example.org"


class Occupant(Client):
    """One who is in the room."""

    def __init__(self, jid):
        super().__init__(jid, "xep_0198", "xep_0045", "xep_0249", "xep_0313")
        self.nick = self.boundjid.user
        self.muc = self["xep_0045"]
        self.moves = []     # who came and went
        for name in ("got_online", "got_offline"):
            self.add_event_handler(f"muc::{ROOM}::{name}", lambda p, name=name: self.moved(name, p))
        self.add_event_handler("groupchat_invite", lambda m: self.note("invited", m["muc"]["invite"]["from"].bare, m["from"].bare))
        self.add_event_handler("groupchat_direct_invite", lambda m: self.note("invited", m["from"].bare, m["groupchat_invite"]["jid"]))
        self.add_event_handler("groupchat_subject", lambda m: self.note("subject", m["from"].resource, m["subject"]))

    def got(self, m):
        if m["body"]:
            super().got(m)

    def moved(self, name, p):
        self.moves.append((name, p["from"].resource))
        self.note(name, p["from"].resource, sorted(p["muc"]["status_codes"]))

    async def enters(self, **history):
        """Comes in, and gives what it was told of what was said before."""
        first = len(self.messages)
        await self.muc.join_muc_wait(ROOM, self.nick, timeout=60, **history)
        await self.fence()
        return self.bodies()[first:]

    def occupants(self):
        return sorted(self.muc.get_roster(ROOM))

    async def archive(self):
        return [b for r in [r["mam_result"] async for r in self["xep_0313"].iterate(jid=ROOM)] if (b := r["forwarded"]["stanza"]["body"])]

    async def says(self, *bodies):
        for b in bodies:
            self.send_message(ROOM, b, mtype="groupchat")
            await self.until("message", f"{ROOM}/{self.nick}", b)


async def juliet(*actions):
    """Has Juliet do something, or see something."""
    await server(*(f"juliet {a}" for a in actions))


async def main():
    romeo, nurse = Occupant("romeo@example.org/laptop"), Occupant("nurse@example.org/hall")
    for c in (romeo, nurse):
        await c.login()
        c.send_presence()
        c.returns = True

    # made, with a name
    await romeo.enters()
    form = await romeo.muc.get_room_config(ROOM)
    form.get_fields()["muc#roomconfig_roomname"].set_value("The Orchard")
    await romeo.muc.set_room_config(ROOM, form)
    try:
        await nurse.muc.join_muc_wait(ROOM, "nurse", timeout=60)
    except PresenceError as e:
        assert e.condition == "registration-required", e
    else:
        raise AssertionError("the nurse came in uninvited")

    # Juliet is invited by way of the room, the nurse is not
    romeo.muc.invite(ROOM, "juliet@example.org", "Come hither")
    await juliet("shows Chat room invite received", f"types /join {ROOM} nick juliet")
    await romeo.until("got_online", "juliet")
    await juliet("shows You have joined the room as juliet", "shows The Orchard")
    await romeo.says("line 1")
    await juliet("shows romeo: line 1", "types line 2")
    await romeo.until("message", f"{ROOM}/juliet", "line 2")
    romeo["xep_0249"].send_invitation("nurse@example.org", ROOM)
    await nurse.until("invited", "romeo@example.org", ROOM)
    before = await nurse.enters()
    assert not before and not await nurse.archive(), f"the nurse reads what was said before she came: {before}"
    await romeo.until("got_online", "nurse")
    await juliet("shows nurse")
    for c in (romeo, nurse):
        assert c.occupants() == ["juliet", "nurse", "romeo"], c.occupants()

    # all speak, and hear the same
    await nurse.says("line 3")
    await romeo.until("message", f"{ROOM}/nurse", "line 3")
    await juliet("shows nurse: line 3", "types /subject set Late at night", "shows juliet has set the room subject: Late at night", "types line 4")
    for c in (romeo, nurse):
        await c.until("subject", "juliet", "Late at night")
        await c.until("message", f"{ROOM}/juliet", "line 4")

    # the nurse is sent out, and comes again: what was said meanwhile is there, in the archive and without it
    await romeo.muc.set_role(ROOM, "nurse", "none", reason="Madam!")
    await nurse.until("got_offline", "nurse", [110, 307])
    await juliet("shows nurse has been kicked from the room by romeo, reason: Madam!")
    await romeo.says("line 5")
    again = await nurse.enters()
    assert again == [f"line {n}" for n in range(3, 6)], again
    assert await nurse.archive() == again, await nurse.archive()

    # the server is stopped and started: all are where they were
    line = 5
    for c in (romeo, nurse):
        c.seen.clear()
        c.moves.clear()
    await server("terminate", "start")
    for c in (romeo, nurse):
        await c.until("session_resumed")
    await juliet("returns")
    for c in (romeo, nurse):
        assert c.occupants() == ["juliet", "nurse", "romeo"], c.occupants()
        line += 1
        await c.says(f"line {line}")
    await juliet(f"shows line {line}", f"types line {line + 1}")
    line += 1
    for c in (romeo, nurse):
        await c.until("message", f"{ROOM}/juliet", f"line {line}")
        assert not c.moves, f"{c.nick} was told of {c.moves}"

    # and killed: they come in again
    for c in (romeo, nurse):
        c.seen.clear()
    await server("kill", "start")
    for c in (romeo, nurse):
        await c.until("session_start")
        await c.get_roster()
        c.send_presence()
        await c.enters(maxstanzas=0)
    await juliet("returns")
    while romeo.occupants() != ["juliet", "nurse", "romeo"]:
        await romeo.until("got_online")
    await romeo.says(f"line {line + 1}")
    await juliet(f"shows line {line + 1}", f"types line {line + 2}")
    await nurse.until("message", f"{ROOM}/juliet", f"line {line + 2}")
    line += 2

    # stopped and started once more: Profanity, whose resumption failed, sends again what was taken over long ago
    for c in (romeo, nurse):
        c.seen.clear()
    await server("terminate", "start")
    for c in (romeo, nurse):
        await c.until("session_resumed")
    await juliet("returns", f"types line {line + 1}")
    line += 1
    for c in (romeo, nurse):
        await c.until("message", f"{ROOM}/juliet", f"line {line}")

    # nothing is lost, and nothing there twice
    everything = [f"line {n}" for n in range(1, line + 1)]
    for c, first in ((romeo, 0), (nurse, 2)):
        assert await c.archive() == everything[first:], await c.archive()
    heard = [b for b in romeo.bodies()]
    assert heard == everything, heard
    await juliet(f"has seen {line}")
    for c in (romeo, nurse):
        c.returns = False
        await c.disconnect()


play(main)
