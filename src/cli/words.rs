//! The grammar of the command line. Each command has an example.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use patchcord_engine::routing::Digests;

use super::routes::RoutesCommand;

const EXITS: &str = "\
Exit codes:
  0  done
  1  refused: the thing asked for is not there, is there already, or is not right (check)
  2  the command line or the configuration is wrong, or the server cannot start
  3  no server answers, and the command needs one

Example:
  patchcord init /etc/patchcord && patchcord run -c /etc/patchcord/patchcord.toml";

/// A programmable voice-application server.
#[derive(Parser)]
#[command(name = "patchcord", version, after_help = EXITS, disable_help_subcommand = true)]
pub struct Line {
    /// The configuration file [default: patchcord.toml, when it is there]
    #[arg(short, long, global = true, value_name = "FILE", env = "PATCHCORD_CONFIG")]
    pub config: Option<PathBuf>,
    /// Say it in JSON
    #[arg(long, global = true)]
    pub json: bool,
    /// Say also how it was done
    #[arg(short, long, global = true)]
    pub verbose: bool,
    #[command(subcommand)]
    pub command: Option<Command>,
}

#[derive(Subcommand)]
pub enum Command {
    /// Serve (the default)
    #[command(
        after_help = "Example:\n  patchcord run -c patchcord.toml\n\nSIGTERM and SIGINT stop it, SIGHUP reloads."
    )]
    Run,
    /// Check the configuration and services; exit 1 with file:line:column, reason and remedy
    #[command(after_help = "Examples:\n  patchcord check patchcord.toml\n  patchcord check scripts/reception.rhai")]
    Check {
        /// A configuration, a script, or a folder of either
        path: Option<PathBuf>,
    },
    /// Run the tests of scripts in virtual time; exit 1 where one fails, with file:line and what happened
    #[command(after_help = "\
Examples:
  patchcord test                                  (the tests beside the scripts of patchcord.toml)
  patchcord test scripts/ivr_test.rhai --filter voicemail --watch
  patchcord test --explore --junit tests.xml      (again with hang-ups at each wait, and in other orders)")]
    Test(Tests),
    /// Hold a past call against today's scripts: where would it go otherwise; exit 1 if it would
    #[command(after_help = "Example:\n  patchcord replay 01m4zr3kv8x0q5wd7t2e --with scripts")]
    Replay {
        /// Its id, as `patchcord calls` shows it
        call: String,
        /// The folder of scripts [default: the scripts of the configuration]
        #[arg(long, value_name = "FOLDER")]
        with: Option<PathBuf>,
    },
    /// Write a commented patchcord.toml
    #[command(after_help = "Example:\n  patchcord init /etc/patchcord")]
    Init {
        /// Where to
        #[arg(default_value = ".")]
        folder: PathBuf,
    },
    /// Phones and browsers that may register
    #[command(subcommand, after_help = "Example:\n  patchcord endpoint add alice --number 101")]
    Endpoint(EndpointCommand),
    /// People who may open the dashboard
    #[command(subcommand, after_help = "Example:\n  patchcord user add bob --role operator")]
    User(UserCommand),
    /// Show where endpoints can be reached now
    #[command(after_help = "Example:\n  patchcord registrations --json")]
    Registrations,
    /// Show past calls, the newest first, or one of them with all that is kept of it
    #[command(
        args_conflicts_with_subcommands = true,
        after_help = "Examples:\n  patchcord calls --limit 50\n  patchcord calls 01m4zr3kv8x0q5wd7t2e\n  patchcord calls show 01m4zr3kv8x0q5wd7t2e --sip"
    )]
    Calls(Calls),
    /// Begin a call: ring somebody, and go on with a service or with somebody else when it is answered
    #[command(after_help = "\
Examples:
  patchcord originate user:alice --service reception
  patchcord originate +4930123456 --service reminder --var appointment=10:30 --ring 40
  patchcord originate user:alice --dial +4930123456      (click to call: alice first, then the other one)
  patchcord originate browser:alice --dial 102           (the same from the page that she is logged in at)")]
    Originate(Originate),
    /// Show the rooms that are open, or one with its members; or do something with one
    #[command(after_help = "\
Examples:
  patchcord rooms
  patchcord rooms show weekly
  patchcord rooms order weekly mute --member 3
  patchcord rooms order weekly invite --target user:alice")]
    Rooms {
        #[command(subcommand)]
        command: Option<RoomsCommand>,
    },
    /// Show who is refused at every door, ban somebody, or let somebody in again
    #[command(after_help = "\
Examples:
  patchcord bans
  patchcord bans add 198.51.100.0/24 --reason scans --for 12h
  patchcord bans remove 198.51.100.0/24")]
    Bans {
        #[command(subcommand)]
        command: Option<BansCommand>,
    },
    /// Show where numbers lead; add a route beside those of the configuration, or remove one
    #[command(after_help = "\
Examples:
  patchcord routes
  patchcord routes add 600 --service reception
  patchcord routes remove 9f86d081884c")]
    Routes {
        #[command(subcommand)]
        command: Option<RoutesCommand>,
    },
    /// Show carriers: whether they answer, whether we are registered there, their calls, and what went wrong last
    #[command(after_help = "Example:\n  patchcord trunks --json")]
    Trunks,
    /// Take no new calls: they are answered 503, emergencies excepted; those that go on go on
    #[command(after_help = "\
Examples:
  patchcord drain
  patchcord drain --wait 5m && systemctl restart patchcord
  patchcord drain --undo

A restart takes calls again.")]
    Drain(Drain),
    /// Show how the running server is
    #[command(after_help = "Example:\n  patchcord status")]
    Status,
    /// Have the running server read its configuration again
    #[command(after_help = "Example:\n  patchcord reload")]
    Reload,
}

#[derive(Args)]
pub struct Drain {
    /// Take new calls again
    #[arg(long, conflicts_with = "wait")]
    pub undo: bool,
    /// Come back when the last call has ended, and after this long at the latest (exit 1): 90s, 5m, 1h
    #[arg(long, value_name = "TIME")]
    pub wait: Option<String>,
}

#[derive(Args)]
pub struct Tests {
    /// Folders of scripts, and files of tests [default: the scripts of the configuration]
    pub paths: Vec<PathBuf>,
    /// Run each test again with a caller who hangs up wherever it waits, and with other orders of what happens at once
    #[arg(long)]
    pub explore: bool,
    /// Only tests with this in their name
    #[arg(long, value_name = "TEXT")]
    pub filter: Option<String>,
    /// What random numbers and orders are drawn from: the same seed gives the same result
    #[arg(long, default_value_t = 1, value_name = "NUMBER")]
    pub seed: u64,
    /// Run them again whenever a script changes
    #[arg(long)]
    pub watch: bool,
    /// Write the results into this file, as JUnit does
    #[arg(long, value_name = "FILE")]
    pub junit: Option<PathBuf>,
}

#[derive(Args)]
pub struct Originate {
    /// Who is rung: user:alice, browser:alice (the pages of hers alone), a number, sip:…
    pub target: String,
    /// The service that goes on with whoever answers
    #[arg(long, required_unless_present = "dial", conflicts_with = "dial")]
    pub service: Option<String>,
    /// Who is called then and joined with the first
    #[arg(long, value_name = "TARGET")]
    pub dial: Option<String>,
    /// The number that is shown
    #[arg(long, value_name = "NUMBER")]
    pub caller_id: Option<String>,
    /// How many seconds it rings [default: 30]
    #[arg(long, value_name = "SECONDS")]
    pub ring: Option<u64>,
    /// What the service finds in caller.vars. May be repeated
    #[arg(long = "var", value_name = "NAME=VALUE")]
    pub vars: Vec<String>,
}

#[derive(Subcommand)]
pub enum RoomsCommand {
    /// Show one with its members
    #[command(after_help = "Example:\n  patchcord rooms show weekly")]
    Show {
        /// Its name
        room: String,
    },
    /// Show rooms that are over, or what happened in one of them
    #[command(after_help = "\
Examples:
  patchcord rooms past
  patchcord rooms past --room weekly --limit 5
  patchcord rooms past 01m4zr3kv8x0q5wd7t2e
  patchcord rooms past 01m4zr3kv8x0q5wd7t2e --floor")]
    Past {
        /// Its id, as the list has it [default: list them]
        id: Option<String>,
        /// Only those of this name
        #[arg(long, value_name = "ROOM", conflicts_with = "id")]
        room: Option<String>,
        /// How many, at most
        #[arg(short, long, default_value_t = 20, value_name = "N", conflicts_with = "id")]
        limit: usize,
        /// Also those where somebody stood at the door and nobody came in
        #[arg(long, conflicts_with = "id")]
        empty: bool,
        /// Each time that the floor passed, too
        #[arg(long, requires = "id")]
        floor: bool,
    },
    /// Show who stood at the door of a room and did not come in: wrong PINs and refusals, the latest first
    #[command(after_help = "Example:\n  patchcord rooms tries 3001")]
    Tries {
        /// Its name; it need not be open
        room: String,
        /// How many, at most
        #[arg(short, long, default_value_t = 50, value_name = "N")]
        limit: usize,
    },
    /// Do something with a room or a member
    #[command(after_help = "\
Examples:
  patchcord rooms order weekly kick --member 3
  patchcord rooms order weekly mute --off
  patchcord rooms order weekly announce --prompt one-minute-left
  patchcord rooms order weekly invite --target user:alice")]
    Order(RoomDeed),
    /// Write what a member of a room heard into a wav: every sample, where the room keeps what its members say
    #[command(after_help = "\
Examples:
  patchcord rooms heard weekly bob --from 10:42 --to 10:45 -o bob.wav
  patchcord rooms heard 3000 101 --from 90s
  patchcord rooms heard 019d20c60a5f0003 7 -o all.wav

Times with a colon are UTC, others are counted from the opening of the room.")]
    Heard(RoomEars),
}

#[derive(Args)]
pub struct RoomEars {
    /// The name of a room: the one that goes on, or else the latest; or the id of one that is over
    pub room: String,
    /// Whose ears: a name or a number as the record of the room has it
    pub member: String,
    /// From when on: 10:42, 10:42:30, or 90s, 15m, 2h after the opening [default: from when it came]
    #[arg(long, value_name = "TIME")]
    pub from: Option<String>,
    /// Until when, written likewise; ten minutes at most are given at once
    #[arg(long, value_name = "TIME")]
    pub to: Option<String>,
    /// The file; nothing is written over
    #[arg(short, long, value_name = "FILE", default_value = "heard.wav")]
    pub out: PathBuf,
}

#[derive(Subcommand)]
pub enum BansCommand {
    /// Show who is refused
    #[command(after_help = "Example:\n  patchcord bans list --json")]
    List,
    /// Refuse an address or a network
    #[command(after_help = "Example:\n  patchcord bans add 198.51.100.7 --reason scans --for 7d")]
    Add {
        /// An address, or a network as 198.51.100.0/24
        network: String,
        /// Why, for whoever asks later
        #[arg(long, value_name = "WORDS")]
        reason: String,
        /// For how long: 90s, 15m, 12h, 7d [default: until it is lifted]
        #[arg(long = "for", value_name = "TIME")]
        lasting: Option<String>,
    },
    /// Let somebody in again
    #[command(after_help = "Example:\n  patchcord bans remove 198.51.100.7")]
    Remove {
        /// As it stands in the list
        network: String,
    },
}

#[derive(Args)]
pub struct RoomDeed {
    /// Its name
    pub room: String,
    /// What to do
    #[arg(value_parser = super::rooms::orders())]
    pub deed: String,
    /// The number of a member, as `rooms show` has it [default: everybody]
    #[arg(long, value_name = "NUMBER")]
    pub member: Option<u64>,
    /// Whom the member hears otherwise
    #[arg(long, value_name = "NUMBER")]
    pub other: Option<u64>,
    /// Take it back
    #[arg(long)]
    pub off: bool,
    /// Decibels
    #[arg(long, allow_negative_numbers = true)]
    pub db: Option<i8>,
    /// listener, speaker or moderator
    #[arg(long)]
    pub role: Option<String>,
    /// The other room, to move to or to merge with
    #[arg(long, value_name = "ROOM")]
    pub to: Option<String>,
    /// Who is invited
    #[arg(long)]
    pub target: Option<String>,
    /// What is announced. May be repeated
    #[arg(long)]
    pub prompt: Vec<String>,
}

#[derive(Args)]
pub struct Calls {
    #[command(subcommand)]
    pub command: Option<CallsCommand>,
    /// One of them, with all that is kept of it
    pub call: Option<String>,
    /// How many, at most
    #[arg(short, long, default_value_t = 20, value_name = "N")]
    pub limit: usize,
}

#[derive(Subcommand)]
pub enum CallsCommand {
    /// Show what happened in a call: its legs, its messages, its journal
    #[command(after_help = "Example:\n  patchcord calls show 01m4zr3kv8x0q5wd7t2e --sip")]
    Show {
        /// Its id, as `patchcord calls` shows it
        call: String,
        /// With the text of each SIP message
        #[arg(long)]
        sip: bool,
    },
    /// Pass a party of a call on to somebody else; whom it talks with now stays until that one has answered
    #[command(after_help = "\
Examples:
  patchcord calls transfer 01m4zr3kv8x0q5wd7t2e user:bob
  patchcord calls transfer 01m4zr3kv8x0q5wd7t2e +4930123456 --leg 1")]
    Transfer {
        /// Its id, as `patchcord calls` shows it
        call: String,
        /// To whom: user:alice, a number, sip:…
        target: String,
        /// The leg of the party, as `patchcord calls show` has it [default: whoever has called]
        #[arg(long, value_name = "NUMBER")]
        leg: Option<u32>,
    },
    /// End a call that goes on
    #[command(after_help = "Example:\n  patchcord calls hangup 01m4zr3kv8x0q5wd7t2e")]
    Hangup {
        /// Its id, as `patchcord calls` shows it
        call: String,
    },
}

#[derive(Subcommand)]
pub enum EndpointCommand {
    /// Add an endpoint; a password is made and shown once unless one is given
    #[command(after_help = "\
Examples:
  patchcord endpoint add alice --number 101 --caller-id +4930123101
  patchcord endpoint add bob --forward busy=102 --forward no_answer=102,voicemail --forward after=15s
  echo 's3cret' | patchcord endpoint add bob --password-stdin
  patchcord endpoint add --from phones.csv      (user,password[,number] a line; an empty password is made)")]
    Add(Add),
    /// List the endpoints
    #[command(after_help = "Example:\n  patchcord endpoint list --json")]
    List,
    /// Remove an endpoint and where it can be reached
    #[command(after_help = "Example:\n  patchcord endpoint remove alice")]
    Remove {
        /// Its name
        user: String,
    },
    /// Give an endpoint another password; one is made and shown once unless it is given
    #[command(after_help = "Example:\n  patchcord endpoint password alice")]
    Password(Password),
}

#[derive(Subcommand)]
pub enum UserCommand {
    /// Add a user; a password is made and shown once unless one is given
    #[command(after_help = "\
Examples:
  patchcord user add bob --role operator
  echo 'correct horse battery' | patchcord user add bob --role viewer --password-stdin")]
    Add {
        /// What he logs in as
        name: String,
        /// admin may do everything; operator sees and hears calls and ends them; viewer sees them with numbers masked
        #[arg(long, default_value = "viewer", value_parser = ["admin", "operator", "viewer"])]
        role: String,
        /// Read the password from standard input
        #[arg(long)]
        password_stdin: bool,
    },
    /// List the users
    #[command(after_help = "Example:\n  patchcord user list --json")]
    List,
    /// Remove a user; who is logged in as him is out
    #[command(after_help = "Example:\n  patchcord user remove bob")]
    Remove {
        /// His name
        name: String,
    },
    /// Have a user call and be called as an endpoint in the dashboard; without one, as none
    #[command(after_help = "Examples:\n  patchcord user endpoint bob reception\n  patchcord user endpoint bob")]
    Endpoint {
        /// His name
        name: String,
        /// The endpoint
        endpoint: Option<String>,
    },
    /// Give a user another password; one is made and shown once unless it is given
    #[command(after_help = "Example:\n  patchcord user password bob")]
    Password {
        /// His name
        name: String,
        /// Read the password from standard input
        #[arg(long)]
        password_stdin: bool,
    },
}

#[derive(Args)]
pub struct Add {
    /// Its name: the user part of its address
    #[arg(required_unless_present = "from")]
    pub user: Option<String>,
    /// The short number that rings it
    #[arg(short, long, conflicts_with = "from")]
    pub number: Option<String>,
    /// What it is asked for to prove itself: md5, sha-256, or sha-256,md5
    #[arg(long)]
    pub digest: Option<Digests>,
    /// The number it shows outside
    #[arg(long, value_name = "NUMBER", conflicts_with = "from")]
    pub caller_id: Option<String>,
    /// Calls at once, called and calling together
    #[arg(long, value_name = "COUNT")]
    pub calls: Option<u32>,
    /// Codecs, the best first: opus,g722,pcma,pcmu
    #[arg(long, value_name = "LIST")]
    pub codecs: Option<String>,
    /// Whether its sound is enciphered: required, offered or off
    #[arg(long)]
    pub srtp: Option<String>,
    /// Where its calls go: always=…, busy=…, no_answer=102,voicemail, unreachable=…; and after=20s. May be repeated
    #[arg(long, value_name = "WHEN=WHERE", conflicts_with = "from")]
    pub forward: Vec<String>,
    /// Read its password from standard input
    #[arg(long, conflicts_with = "from")]
    pub password_stdin: bool,
    /// Add all endpoints of this file, or none; - is standard input
    #[arg(long, value_name = "FILE", conflicts_with = "user")]
    pub from: Option<PathBuf>,
}

#[derive(Args)]
pub struct Password {
    /// Its name
    pub user: String,
    /// Read the password from standard input
    #[arg(long)]
    pub password_stdin: bool,
}
