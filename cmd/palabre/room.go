package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"palabre/admin"
	"palabre/muc"
)

func roomCommand() *cobra.Command {
	room := &cobra.Command{
		Use:   "room",
		Short: "Rooms",
		Long: `Rooms. While a server runs, the commands reach it through its data directory, and those inside see what changes; otherwise
they work on the database directly.`,
	}
	room.AddCommand(
		roomListCommand(), roomShowCommand(), roomCreateCommand(), roomSetCommand(), roomInviteCommand(),
		oneRoomCommand("open", "Let everybody enter a room; what was said before stays with those who were there", "room.open", "is open to everybody"),
		oneRoomCommand("close", "Let only members enter a room, and put out those inside who are none", "room.close", "is for its members only"),
		roomDestroyCommand(), roomMembersCommand(), roomAffiliationCommand(),
	)
	return room
}

// oneRoomCommand is a command that names one room.
func oneRoomCommand(use, short, function, did string) *cobra.Command {
	return &cobra.Command{
		Use: use + " ROOM", Short: short, Args: takes(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return callRoom(cmd, function, admin.RoomParams{Room: args[0]}, did)
		},
	}
}

// callRoom carries out a function that answers with a room, and says what it did.
func callRoom(cmd *cobra.Command, function string, params any, did string) error {
	var r admin.RoomResult
	if err := call(cmd, function, params, &r); err != nil {
		return err
	}
	return show(cmd, r, func(w io.Writer) { fmt.Fprintf(w, "%s %s\n", r.Room, did) })
}

func roomListCommand() *cobra.Command {
	var p admin.RoomListParams
	cmd := &cobra.Command{
		Use: "list", Short: "List the rooms of a domain", Args: takes(0),
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			c, done, err := caller(cmd)
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, done()) }()
			all := []admin.Room{}
			for more := true; more; {
				page := p
				page.Limit = 1000
				var r admin.RoomListResult
				if err := c.Call(cmd.Context(), "room.list", page, &r); err != nil {
					return err
				}
				all = append(all, r.Rooms...)
				if more = r.More; more {
					p.After, _, _ = strings.Cut(r.Rooms[len(r.Rooms)-1].Room, "@")
				}
			}
			return show(cmd, admin.RoomListResult{Rooms: all}, func(w io.Writer) { printRooms(w, all) })
		},
	}
	cmd.Flags().StringVar(&p.Domain, "domain", "", "the `DOMAIN` whose users' rooms to list; without it the first of the configuration")
	cmd.Flags().StringVar(&p.Name, "name", "", "list only rooms with this `TEXT` in their name or address")
	return cmd
}

func printRooms(w io.Writer, rooms []admin.Room) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	defer t.Flush()
	fmt.Fprintln(t, "ROOM\tKIND\tMEMBERS\tINSIDE\tCREATED\tNAME")
	for _, r := range rooms {
		fmt.Fprintf(t, "%s\t%s\t%d\t%d\t%s\t%s\n", r.Room, r.Preset, r.Members, r.Occupants, r.Created.Local().Format(time.DateOnly), printable(r.Name))
	}
}

// printable keeps what others have written from steering a terminal.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 {
			return '?'
		}
		return r
	}, s)
}

func roomShowCommand() *cobra.Command {
	return &cobra.Command{
		Use: "show ROOM", Short: "Show what a room is, and who is inside", Args: takes(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			var r admin.RoomDetails
			if err := call(cmd, "room.show", admin.RoomParams{Room: args[0]}, &r); err != nil {
				return err
			}
			return show(cmd, r, func(w io.Writer) { printRoom(w, &r) })
		},
	}
}

func printRoom(w io.Writer, r *admin.RoomDetails) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	defer t.Flush()
	fmt.Fprintf(t, "room\t%s\t\ncreated\t%s\t\nmembers\t%d\t\n", r.Room.Room, r.Created.Local().Format(time.DateTime), r.Members)
	for _, s := range r.Settings {
		fmt.Fprintf(t, "%s\t%s\t%s\n", s.Name, printable(strings.Join(s.Values, " ")), s.Label)
	}
	password := "no"
	if r.Password {
		password = "set"
	}
	fmt.Fprintf(t, "password\t%s\tThe password to enter with\n", password)
	for _, o := range r.Inside {
		fmt.Fprintf(t, "inside\t%s\t%s, %s, %s\n", printable(o.Nick), o.JID, o.Role, o.Affiliation)
	}
}

// settingsOf reads NAME=VALUE.
func settingsOf(args []string) ([]admin.RoomSetting, error) {
	var out []admin.RoomSetting
	for _, a := range args {
		name, value, ok := strings.Cut(a, "=")
		if !ok {
			return nil, fmt.Errorf("'%s' is not NAME=VALUE; the names are: %s", a, strings.Join(muc.SettingNames(), ", "))
		}
		if slices.ContainsFunc(out, func(s admin.RoomSetting) bool { return s.Name == name }) {
			return nil, fmt.Errorf("'%s' is there twice; several values of one have commas between them", name)
		}
		s := admin.RoomSetting{Name: name}
		if value != "" {
			s.Values = []string{value}
		}
		if name == "presencebroadcast" || name == "contacts" {
			s.Values = strings.FieldsFunc(value, func(r rune) bool { return r == ',' || r == ' ' })
		}
		out = append(out, s)
	}
	return out, nil
}

func roomCreateCommand() *cobra.Command {
	var p admin.RoomCreateParams
	var set []string
	cmd := &cobra.Command{
		Use: "create [ROOM]", Short: "Make a room", Args: takes(0, 1),
		Long: `Make a room. ROOM is its address, or what stands before the @; without it the room is given a random address.

  palabre room create --owner alice@example.org --invite bob@example.org,carol@example.org
  palabre room create lobby --owner alice@example.org --preset open --set name=Lobby --set public=yes

The kinds of room (--preset) are: ` + strings.Join(muc.PresetNames(), ", ") + `. What can be --set is listed by 'palabre room set --help'.`,
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			if p.Owner == "" {
				return errors.New("say whose room it is: --owner alice@example.org")
			}
			p.Room = strings.Join(args, "")
			if p.Set, err = settingsOf(set); err != nil {
				return err
			}
			return callRoom(cmd, "room.create", p, "made")
		},
	}
	f := cmd.Flags()
	f.StringVar(&p.Owner, "owner", "", "the `ADDRESS` of who owns the room")
	f.StringVar(&p.Preset, "preset", "group", "what `KIND` of room it is")
	f.StringVar(&p.Domain, "domain", "", "the `DOMAIN` whose service the room is at; without it the owner's")
	f.StringArrayVar(&set, "set", nil, "`NAME=VALUE`: what is to be otherwise; can be repeated")
	f.StringSliceVar(&p.People, "invite", nil, "the `ADDRESSES` of people to invite, with commas between them")
	f.StringVar(&p.Reason, "reason", "", "a `TEXT` that they are told")
	return cmd
}

func roomSetCommand() *cobra.Command {
	return &cobra.Command{
		Use: "set ROOM NAME=VALUE...", Short: "Change the configuration of a room", Args: takes(2, 1000),
		Long: `Change the configuration of a room; those inside are told. 'palabre room show ROOM' shows what it is now, and what the names mean.

  palabre room set coven@conference.example.org "name=The coven" maxusers=20 moderated=yes
  palabre room set coven@conference.example.org password=
  palabre room set coven@conference.example.org contacts=alice@example.org,bob@example.org

The names are: ` + strings.Join(muc.SettingNames(), ", ") + `.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			set, err := settingsOf(args[1:])
			if err != nil {
				return err
			}
			return callRoom(cmd, "room.set", admin.RoomSetParams{Room: args[0], Set: set}, "is changed")
		},
	}
}

func roomInviteCommand() *cobra.Command {
	var p admin.RoomInviteParams
	cmd := &cobra.Command{
		Use: "invite ROOM ADDRESS...", Short: "Invite people to a room; where only members enter, they become members", Args: takes(2, 1000),
		RunE: func(cmd *cobra.Command, args []string) error {
			p.Room, p.People = args[0], args[1:]
			return callRoom(cmd, "room.invite", p, fmt.Sprintf("has invited: %d", len(p.People)))
		},
	}
	cmd.Flags().StringVar(&p.From, "from", "", "the `ADDRESS` of who invites; without it the server does")
	cmd.Flags().StringVar(&p.Reason, "reason", "", "a `TEXT` that they are told")
	return cmd
}

func roomDestroyCommand() *cobra.Command {
	var p admin.RoomDestroyParams
	cmd := &cobra.Command{
		Use: "destroy ROOM", Short: "Destroy a room with everything that was said in it", Args: takes(1),
	}
	yes := cmd.Flags().Bool("yes", false, "do not ask")
	cmd.Flags().StringVar(&p.Reason, "reason", "", "a `TEXT` that those inside are told")
	cmd.Flags().StringVar(&p.Alternate, "alternate", "", "another `ROOM`, where they may go")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		p.Room = args[0]
		if !*yes {
			fmt.Fprintf(cmd.ErrOrStderr(), "Destroy %s and everything that was said in it? This can't be undone. Type the address again: ", args[0])
			line, err := bufio.NewReader(cmd.InOrStdin()).ReadString('\n')
			if strings.TrimSpace(line) != args[0] {
				return errors.Join(errors.New("nothing was destroyed; --yes does it without asking"), ignoreEOF(err))
			}
		}
		return callRoom(cmd, "room.destroy", p, "is destroyed")
	}
	return cmd
}

func roomMembersCommand() *cobra.Command {
	return &cobra.Command{
		Use: "members ROOM", Short: "List the owners, admins and members of a room, and who is banned", Args: takes(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			var r admin.RoomMembersResult
			if err := call(cmd, "room.members", admin.RoomParams{Room: args[0]}, &r); err != nil {
				return err
			}
			return show(cmd, r, func(w io.Writer) {
				t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
				defer t.Flush()
				fmt.Fprintln(t, "ADDRESS\tAFFILIATION\tNICKNAME\tWHY")
				for _, m := range r.Members {
					fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", m.JID, m.Affiliation, printable(m.Nick), printable(m.Reason))
				}
			})
		},
	}
}

func roomAffiliationCommand() *cobra.Command {
	var p admin.RoomAffiliationParams
	cmd := &cobra.Command{
		Use: "affiliation ROOM ADDRESS AFFILIATION", Short: "Make somebody owner, admin, member, none or outcast (banned)", Args: takes(3),
		RunE: func(cmd *cobra.Command, args []string) error {
			p.Room, p.JID, p.Affiliation = args[0], args[1], args[2]
			var r admin.RoomResult
			if err := call(cmd, "room.affiliation", p, &r); err != nil {
				return err
			}
			return show(cmd, r, func(w io.Writer) { fmt.Fprintf(w, "%s is %s of %s\n", p.JID, p.Affiliation, r.Room) })
		},
	}
	cmd.Flags().StringVar(&p.Reason, "reason", "", "a `TEXT` that is kept with it, and shown")
	return cmd
}
