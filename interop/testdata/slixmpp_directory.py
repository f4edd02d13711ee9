"""A directory as desktop clients use it: found among the services, searched by its form, whose table is then read as Gajim 1.7 reads it; cards and pictures of those
who have none of their own; and the members of a group in everybody's roster."""
import xml.etree.ElementTree as ET

from nbxmpp.modules import dataforms
from nbxmpp.simplexml import NodeBuilder
from slixmpp_client import Client, play

DATA, SEARCH = "{jabber:x:data}", "{jabber:iq:search}"


def as_gajim(x):
    """What Gajim makes of the table of results: gtk/component_search.py."""
    form = dataforms.extend_form(node=NodeBuilder(ET.tostring(x, encoding="unicode")).getDom())
    columns = [f.var for f in form.reported.iter_fields() if f.type_ in ("boolean", "jid-single", "text-single")]
    rows = []
    for item in form.iter_records():
        row = {f.var: f.value for f in item.iter_fields() if f.var in columns}
        " ".join(row[c] for c in columns)  # it needs a text in each
        rows.append(row)
    return rows


async def main():
    romeo, juliet = (Client(j, "xep_0004", "xep_0055", "xep_0054", "xep_0060", "xep_0084", "xep_0153") for j in ("romeo@example.org/laptop", "juliet@example.org/balcony"))
    for c in (romeo, juliet):
        await c.login()
        c.send_presence()

    # the service is among the items, and says what it is
    items = await romeo["xep_0030"].get_items("example.org")
    service = None
    for jid, _, _ in items["disco_items"]["items"]:
        info = (await romeo["xep_0030"].get_info(jid))["disco_info"]
        if ("directory", "user") in {(i[0], i[1]) for i in info["identities"]}:
            service = jid
            assert "jabber:iq:search" in info["features"], info
    assert str(service) == "directory.example.org", service

    # the form, filled in
    ask = romeo.make_iq_get(queryxmlns="jabber:iq:search", ito=service)
    form = (await ask.send())["search"]["form"]
    fields = form.get_fields()
    text = next(f for f in fields if f.endswith("}text"))
    for fill, want in (({text: "cap jul"}, ["juliet@example.org"]), ({"first": "ROM"}, ["romeo@example.org"]), ({text: "desk"}, [""])):
        iq = romeo["xep_0055"].make_search_iq(ito=service, ifrom=romeo.boundjid)
        for name, value in fill.items():
            iq["search"]["form"].add_field(name, value=value)
        got = await iq.send()
        rows = as_gajim(got.xml.find(SEARCH + "query/" + DATA + "x"))
        assert [r["jid"] for r in rows] == want, (fill, rows)
    assert rows[0]["email"] == "desk@example.org" and rows[0]["nick"] == "Help desk", rows

    # the card and the picture of one who has set none
    card = (await juliet["xep_0054"].get_vcard("romeo@example.org"))["vcard_temp"]
    assert card["FN"] == "Romeo Montague" and card["ORG"]["ORGNAME"] == "House of Montague", card
    picture = card["PHOTO"]["BINVAL"]
    metadata = await juliet["xep_0060"].get_items("romeo@example.org", "urn:xmpp:avatar:metadata")
    info = metadata.xml.find(".//{urn:xmpp:avatar:metadata}info")
    data = await juliet["xep_0084"].retrieve_avatar("romeo@example.org", info.get("id"))
    assert data["pubsub"]["items"]["item"]["avatar_data"]["value"] == picture and str(len(picture)) == info.get("bytes"), info.attrib

    # everybody has the members of the house
    item = romeo.client_roster["juliet@example.org"]
    assert item["subscription"] == "to" and item["groups"] == ["Capulets"] and item["name"] == "Juliet Capulet", item
    await romeo.until("presence", "juliet@example.org/balcony")


play(main)
