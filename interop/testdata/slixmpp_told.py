"""Romeo, with slixmpp, sends what was said in a room by e-mail, and Juliet, who uses Profanity, is told (XEP-0050, in one step)."""
from slixmpp_client import Client, play, server

ROOM = "orchard@conference.example.org"


async def main():
    romeo = Client("romeo@example.org/laptop", "xep_0004", "xep_0045", "xep_0050")
    await romeo.login()
    romeo.send_presence()
    muc = romeo["xep_0045"]
    await muc.join_muc_wait(ROOM, "romeo", timeout=60)
    form = await muc.get_room_config(ROOM)
    form.get_fields()["urn:palabre:room:preset"].set_value("open")
    await muc.set_room_config(ROOM, form)
    await server(f"juliet types /join {ROOM} nick juliet", "juliet shows You have joined the room as juliet")
    romeo.send_message(ROOM, "line 1", mtype="groupchat")
    await server("juliet shows romeo: line 1")
    form = romeo["xep_0004"].make_form("submit")
    form.add_field("to", ftype="text-multi", value=["laurence", "someone@elsewhere.example"])
    iq = await romeo["xep_0050"].send_command(ROOM, "urn:palabre:room:mail", payload=form)
    assert iq["command"]["status"] == "completed", iq
    await server("juliet shows Mail: romeo sends what was said here by e-mail to Friar Laurence and another address.")
    await romeo.disconnect()


play(main)
