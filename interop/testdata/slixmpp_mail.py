"""Three who came into a room at different times look up somebody in the directory (XEP-0055), and send them what was said, by the room's command (XEP-0050)."""
import asyncio

from slixmpp_client import Client, LIMIT, play, server

DOMAIN = "example.org"
ROOM = "orchard@conference.example.org"
COMMAND = "urn:palabre:room:mail"


class Guest(Client):
    """One who is in the room."""

    def __init__(self, jid):
        super().__init__(jid, "xep_0004", "xep_0045", "xep_0050", "xep_0308")
        self.register_plugin("xep_0055", {"provide_search": False})
        self.muc = self["xep_0045"]

    async def enters(self):
        await self.muc.join_muc_wait(ROOM, self.boundjid.user, timeout=LIMIT, maxstanzas=0)

    async def says(self, *bodies):
        for b in bodies:
            self.send_message(ROOM, b, mtype="groupchat")
            await self.until("message", f"{ROOM}/{self.boundjid.user}", b)

    async def looks_up(self, text):
        """The e-mail address of the one whom the directory finds."""
        items = (await self["xep_0030"].get_items(DOMAIN))["disco_items"]["items"]
        found = [j for j, _, _ in items if "jabber:iq:search" in (await self["xep_0030"].get_info(j))["disco_info"]["features"]]
        assert found == [f"directory.{DOMAIN}"], found
        get = self.make_iq_get("jabber:iq:search", found[0])
        form = (await get.send())["search"]["form"]
        assert "nick" in form.get_fields() and form["instructions"], form
        iq = self["xep_0055"].make_search_iq(ito=found[0])
        iq["search"]["form"].add_field("{urn:palabre:directory}text", value=text)
        result = (await iq.send())["search"]["form"]
        assert result["type"] == "result" and "email" in result.get_reported(), result
        people = list(result.get_items())
        assert len(people) == 1, people
        return people[0]["email"]

    async def commands(self):
        return [node for _, node, _ in (await self["xep_0050"].get_commands(ROOM))["disco_items"]["items"]]

    async def mails(self, **answers):
        """Runs the room's command by the workflow of slixmpp to its end, and gives the note."""
        assert COMMAND in await self.commands()
        ended = asyncio.get_event_loop().create_future()

        def completed(iq, _):
            ended.set_result(iq)

        def asked(iq, session):
            form = iq["command"]["form"]
            assert iq["command"]["status"] == "executing" and "complete" in iq["command"]["actions"], iq
            for field in ("to", "since", "until", "language", "zone"):
                assert field in form.get_fields(), form
            assert not form.get_fields()["zone"]["value"], form     # the server's zone may have no name
            session["payload"] = form
            form["type"] = "submit"
            for name, value in answers.items():
                form.get_fields()[name].set_value(value)
            session["next"] = completed
            self["xep_0050"].complete_command(session)

        self["xep_0050"].start_command(ROOM, COMMAND, {"next": asked, "error": completed})
        iq = await asyncio.wait_for(ended, LIMIT)
        assert iq["type"] == "result" and iq["command"]["status"] == "completed", iq
        (kind, note), = iq["command"]["notes"]
        assert kind == "info" and note, iq
        return note


async def main():
    romeo, juliet, nurse = Guest("romeo@example.org/laptop"), Guest("juliet@example.org/balcony"), Guest("nurse@example.org/hall")
    for c in (romeo, juliet, nurse):
        await c.login()
        c.send_presence()
    await romeo.enters()
    form = await romeo.muc.get_room_config(ROOM)
    form.get_fields()["muc#roomconfig_roomname"].set_value("The Orchard & the « balcon »")
    await romeo.muc.set_room_config(ROOM, form)
    for who in ("juliet@example.org", "nurse@example.org"):
        romeo.muc.invite(ROOM, who)

    await romeo.says("first: he jests at scars that never felt a wound")
    await juliet.enters()
    await romeo.says("second: what light through yonder window breaks? see https://example.org/east?sun=1&moon=0")
    await juliet.says("second: ay me — <b>déjà</b> & \"vu\" 🌙", "second: it is nott the lark")
    wrong = juliet.messages[-1]
    mended = juliet.make_message(ROOM, "second: it was the nightingale, and not the lark", mtype="groupchat")
    mended["replace"]["id"] = wrong["id"]
    mended.send()
    await juliet.until("message", f"{ROOM}/juliet", "second: it was the nightingale, and not the lark")
    await nurse.enters()
    await nurse.says("third: madam!\n\nyour lady mother is coming to your chamber:\nthe day is broke; be wary, look about")
    await romeo.says("third: " + "farewell, " * 30 + "one kiss, and I’ll descend")

    for c, name, language, zone in ((romeo, "laur", "en", "UTC"), (juliet, "Laurence fri", "fr", "Europe/Paris"), (nurse, "LÁURENCE@", "sv", "Europe/Stockholm")):
        to = await c.looks_up(name)
        assert to == "laurence@friary.example", to
        await c.mails(to=to, language=language, zone=zone)
        for other in (romeo, juliet, nurse):
            notice = await asyncio.wait_for(told(other, c.boundjid.user), LIMIT)
            assert notice["type"] == "groupchat" and "Friar Laurence" in notice["body"], notice
        await server(f"mail {c.boundjid.user} {language}")

    # who has no part in the room sends nothing of it
    juliet.muc.leave_muc(ROOM, "juliet")
    await juliet.fence()
    assert COMMAND in await juliet.commands(), "a member who is not inside may do it too"
    iq = juliet.make_iq_set(ito=ROOM, sub=None)
    iq.append(register_remove())
    await iq.send()
    assert COMMAND not in await juliet.commands()
    for c in (romeo, juliet, nurse):
        await c.disconnect()


async def told(client, who):
    """Waits for the room itself to say who sends what was said."""
    while True:
        for m in client.messages:
            if str(m["from"]) == ROOM + "/Mail" and m["body"].startswith(who + " "):
                return m
        client.came.clear()
        await client.came.wait()


def register_remove():
    """XEP-0077 §3.2: leaving for good."""
    from xml.etree import ElementTree
    query = ElementTree.Element("{jabber:iq:register}query")
    ElementTree.SubElement(query, "{jabber:iq:register}remove")
    return query


play(main)
