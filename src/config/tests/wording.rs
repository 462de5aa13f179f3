//! What is told about a wrong configuration, word by word: people read these words at three in the morning.

use super::told;

/// A file's text, and all that is told about it.
const FILES: &[(&str, &str)] = &[
    ("[sip]\nshards = 1\nshards = 2\n", "etc/patchcord.toml:3:1: shards stands there twice\n    remove one of them"),
    (
        "[[endpoint]]\nuser = \"101\"\npassword = \"x\"\n[[endpoint]]\nuser = \"bob\"\npassword = \"x\"\nnumber = \"101\"\n",
        "etc/patchcord.toml:7:10: endpoint.number: 101 is the name of another endpoint\n    give it another number",
    ),
    (
        "[sip\nlisten = 1\nx = \n",
        "etc/patchcord.toml:1:5: unclosed table, expected `]`\n    correct the TOML there; https://toml.io has its rules",
    ),
    (
        "[sip]\nlisten = [\"0.0.0.0:5060\"]",
        "etc/patchcord.toml:2:11: sip.listen: \"0.0.0.0:5060\" names no transport\n    write \"udp:0.0.0.0:5060\" or \"tcp:0.0.0.0:5060\"",
    ),
    (
        "[sip]\nlisten = [\"udp:0.0.0.0:5060\", \"sctp:0.0.0.0:5060\", \"tcp:localhost:5060\", 5060]",
        "etc/patchcord.toml:2:31: sip.listen: \"sctp\" is no transport\n    use udp, tcp, tls, ws or wss\netc/patchcord.toml:2:52: sip.listen: \"localhost:5060\" is no address with a port\n    write for example 0.0.0.0:5060, or [::]:5060 for IPv6\netc/patchcord.toml:2:74: sip.listen: 5060 is a number\n    write it in quotes: \"5060\"",
    ),
    (
        "[sip]\nlisten = \"udp:0.0.0.0:5060\"",
        "etc/patchcord.toml:2:10: sip.listen: is a list\n    write [\"udp:0.0.0.0:5060\"]",
    ),
    (
        "[sip]\nlisten = []",
        "etc/patchcord.toml:1:1: sip.listen: is empty\n    name at least one, as in [\"udp:0.0.0.0:5060\"]",
    ),
    (
        "[sip]\nlisten = 5060",
        "etc/patchcord.toml:2:10: sip.listen: 5060 is not a list\n    write a list, as in [\"…\", \"…\"]",
    ),
    (
        "[sip]\nlisten = [\"udp:0.0.0.0:5060\", \"udp:0.0.0.0:5060\"]",
        "etc/patchcord.toml:1:1: sip.listen: \"udp:0.0.0.0:5060\" stands there twice\n    remove one",
    ),
    (
        "[sip]\nlsten = [\"udp:0.0.0.0:5060\"]",
        "etc/patchcord.toml:2:1: sip.lsten: is unknown\n    did you mean listen?",
    ),
    (
        "[sip]\nwibble = true",
        "etc/patchcord.toml:2:1: sip.wibble: is unknown\n    remove it; known here: digest, listen, advertise, local, dns, shards",
    ),
    (
        "[[room]]\nname = \"3000\"\npin = \"12a\"",
        "etc/patchcord.toml:3:7: room.pin: is no PIN\n    write 1 to 16 digits in quotes, as \"4711\"",
    ),
    (
        "[[room]]\nname = \"3000\"\n[room.keys.moderator]\n\"*1\" = \"dance\"",
        "etc/patchcord.toml:4:8: room.keys.moderator.*1: a key cannot \"dance\"\n    write toggle_mute, toggle_deaf, raise_hand, leave, louder, quieter, toggle_lock, toggle_mute_all, toggle_record, admit, kick_last, end",
    ),
    (
        "[[room]]\nname = \"3000\"\n[room.keys.listener]\n\"*2\" = \"toggle_lock\"",
        "etc/patchcord.toml:4:8: room.keys.listener.*2: toggle_lock is not for a listener\n    write it for a moderator",
    ),
    (
        "[[room]]\nname = \"3000\"\nkeys.all = { \"6x\" = \"leave\" }",
        "etc/patchcord.toml:3:21: room.keys.all.6x: \"6x\" is no command: that has 1 to 8 keys of a phone\n    write 0 to 9, * and #, as \"*6\"",
    ),
    (
        "[[room]]\nname = \"3000\"\n[room.keys.speakers]\n\"*2\" = \"leave\"",
        "etc/patchcord.toml:3:12: room.keys.speakers: is unknown\n    did you mean speaker?",
    ),
    (
        "[[room]]\nname = \"../x\"",
        "etc/patchcord.toml:2:8: room.name: \"../x\" cannot be the name of a room\n    write its number, as \"3000\", or a name of letters, digits and - _ . +",
    ),
    (
        "[[room]]\nname = \"3000\"\nwait_for = \"godot\"",
        "etc/patchcord.toml:3:12: room.wait_for: \"godot\" is nobody to wait for\n    write nobody, moderator or admission",
    ),
    ("[spi]\nlisten = []", "etc/patchcord.toml:1:2: spi: is unknown\n    did you mean sip?"),
    ("sip = 1", "etc/patchcord.toml:1:7: sip: is a section, not a value\n    write [sip] and its keys below it"),
    (
        "[sip]\nadvertise = \"pbx.example.org\"",
        "etc/patchcord.toml:2:13: sip.advertise: \"pbx.example.org\" is no IP address\n    write the public IP address, or \"stun:host:port\" to ask a server for it",
    ),
    (
        "[sip]\nadvertise = \"0.0.0.0\"",
        "etc/patchcord.toml:2:13: sip.advertise: nobody can send to 0.0.0.0\n    write the public IP address, or \"stun:host:port\" to ask a server for it",
    ),
    (
        "[sip]\nlocal = [\"10.0.0.1/33\"]",
        "etc/patchcord.toml:2:10: sip.local: \"10.0.0.1/33\" is no network\n    write a network, as in \"10.0.0.0/8\" or \"fd00::/8\"",
    ),
    (
        "[sip]\ndns = [\"resolver\"]",
        "etc/patchcord.toml:2:8: sip.dns: \"resolver\" is no address of a name server\n    write an address, with a port unless it is 53, as in \"127.0.0.1:5353\"",
    ),
    ("[sip]\nshards = 0", "etc/patchcord.toml:2:10: sip.shards: 0 is out of range\n    write a number from 1 to 256"),
    (
        "[sip]\nshards = 1.5",
        "etc/patchcord.toml:2:10: sip.shards: a number with a fraction is not a whole number\n    write a whole number, as in 1",
    ),
    (
        "[sip]\nshards = \"two\"",
        "etc/patchcord.toml:2:10: sip.shards: \"two\" is not a whole number\n    write a whole number, as in 1",
    ),
    (
        "[tls]\ncertificate = \"cert.pem\"",
        "etc/patchcord.toml:2:15: tls.key: is missing beside certificate\n    name the key's PEM file too",
    ),
    (
        "[tls]\nkey = \"key.pem\"",
        "etc/patchcord.toml:2:7: tls.certificate: is missing beside key\n    name the certificate's PEM file too",
    ),
    (
        "[web]\norigins = [\"shop.example.org\"]",
        "etc/patchcord.toml:2:12: web.origins: \"shop.example.org\" names no site\n    write it as a browser's address bar shows it, as in \"https://shop.example.org\"; \"*\" is every site",
    ),
    (
        "[web]\nstun = [\"turn:turn.example.org\"]",
        "etc/patchcord.toml:2:9: web.stun: \"turn:turn.example.org\" is no address of such a server\n    write \"stun:stun.example.org:3478\"",
    ),
    (
        "[web]\nturn = { secret = \"x\" }",
        "etc/patchcord.toml:1:1: web.turn.servers: is empty\n    write servers = [\"turn:turn.example.org\"]",
    ),
    (
        "[web]\nacme = { contact = \"ops@example.org\" }",
        "etc/patchcord.toml:1:1: web.acme.domains: is empty\n    write domains = [\"pbx.example.org\"]",
    ),
    (
        "[web]\nacme = { domains = [\"203.0.113.7\"] }",
        "etc/patchcord.toml:2:21: web.acme.domains: \"203.0.113.7\" is no name of a server\n    write \"pbx.example.org\"",
    ),
    (
        "[web]\nacme = { domains = [\"pbx.example.org\"], directory = \"http://ca.example.org/\" }",
        "etc/patchcord.toml:2:53: web.acme.directory: \"http://ca.example.org/\" is no address of an authority's directory\n    write it whole, as in \"https://acme-v02.api.letsencrypt.org/directory\"",
    ),
    (
        "[web]\ncertificate = \"c.pem\"\nkey = \"k.pem\"\nacme = { domains = [\"pbx.example.org\"] }",
        "etc/patchcord.toml:1:1: web.acme: stands beside certificate\n    remove one of them: a certificate is given, or fetched",
    ),
    (
        "[web]\ncertificate = \"cert.pem\"",
        "etc/patchcord.toml:2:15: web.key: is missing beside certificate\n    name the key's PEM file too",
    ),
    (
        "[web]\nlisten = [\"8080\"]",
        "etc/patchcord.toml:2:11: web.listen: \"8080\" is no address with a port\n    write an address with a port, as in \"http:127.0.0.1:8080\" or \"https:0.0.0.0:8443\"",
    ),
    (
        "[database]\nurl = \"mysql://pbx:s3cret@db/pbx\"",
        "etc/patchcord.toml:2:7: database.url: it names no database that this server knows\n    write \"sqlite:data/patchcord.db\", or \"postgres://user:password@host/database\"",
    ),
    (
        "[database]\nurl = \"patchcord.db\"",
        "etc/patchcord.toml:2:7: database.url: \"patchcord.db\" names no database that this server knows\n    write \"sqlite:data/patchcord.db\", or \"postgres://user:password@host/database\"",
    ),
    (
        "[limits]\nidle = 20",
        "etc/patchcord.toml:2:8: limits.idle: 20 is no duration\n    write a number and its unit: \"500ms\", \"20s\", \"5m\", \"2h\" or \"1d\"",
    ),
    (
        "[limits]\nidle = \"20 minutes\"",
        "etc/patchcord.toml:2:8: limits.idle: \"20 minutes\" is no duration\n    write a number and its unit: \"500ms\", \"20s\", \"5m\", \"2h\" or \"1d\"",
    ),
    (
        "[limits]\nidle = \"2d\"",
        "etc/patchcord.toml:2:8: limits.idle: 2d is out of range\n    write a duration from 1s to 3600s",
    ),
    (
        "[limits]\nmin_expires = \"2m\"\nmax_expires = \"1m\"",
        "etc/patchcord.toml:1:1: limits.default_expires: min_expires (120s), default_expires (60s) and max_expires (60s) are not in this order\n    write them so that none exceeds the next",
    ),
    (
        "[log]\nlevel = \"loud\"",
        "etc/patchcord.toml:2:9: log.level: \"loud\" names no level\n    write error, warn, info, debug or trace, or per room as in \"info,patchcord_engine=debug\"",
    ),
    (
        "[log]\nlevel = \"info,patchcord_engine=loud\"",
        "etc/patchcord.toml:2:9: log.level: \"patchcord_engine=loud\" names no level\n    write error, warn, info, debug or trace, or per room as in \"info,patchcord_engine=debug\"",
    ),
    (
        "[log]\nformat = \"xml\"",
        "etc/patchcord.toml:2:10: log.format: \"xml\" is no format\n    write \"text\" or \"json\"",
    ),
    (
        "[log]\nredact = \"no\"",
        "etc/patchcord.toml:2:10: log.redact: \"no\" is not true or false\n    write true or false, as in true",
    ),
    (
        "[server]\ndomain = \"exa mple\"",
        "etc/patchcord.toml:2:10: server.domain: \"exa mple\" is no domain\n    write a name, as in \"example.org\"",
    ),
    (
        "[media]\nports = \"10000\"",
        "etc/patchcord.toml:2:9: media.ports: \"10000\" is no range of ports\n    write the first and the last port, as in \"10000-32767\"",
    ),
    (
        "[media]\nports = \"1-2\"",
        "etc/patchcord.toml:2:9: media.ports: \"1-2\" holds no even port and the one above it between 1 and 2\n    write the first and the last port, as in \"10000-32767\"",
    ),
    (
        "[media]\nports = 10000",
        "etc/patchcord.toml:2:9: media.ports: 10000 is a number\n    write it in quotes: \"10000\"",
    ),
    (
        "[media]\nthreads = 0",
        "etc/patchcord.toml:2:11: media.threads: 0 is out of range\n    write a number from 1 to 256",
    ),
    (
        "[media]\naddress = \"eth0\"",
        "etc/patchcord.toml:2:11: media.address: \"eth0\" is no IP address\n    write an IP address of this machine, or leave it away for all of them",
    ),
    (
        "[media]\nadvertise = \"0.0.0.0\"",
        "etc/patchcord.toml:2:13: media.advertise: nobody can send to 0.0.0.0\n    write the public IP address of sound, or leave it away when it is that of [sip] advertise",
    ),
    (
        "[media]\nvideo = \"on\"",
        "etc/patchcord.toml:2:9: media.video: \"on\" is nothing that could become of video\n    write \"relay\" or \"off\"",
    ),
    (
        "[media]\nsilence_after = \"ever\"",
        "etc/patchcord.toml:2:17: media.silence_after: \"ever\" is no duration\n    write a number and its unit: \"500ms\", \"20s\", \"5m\", \"2h\" or \"1d\"",
    ),
    (
        "[recordings]\nformat = \"mp3\"",
        "etc/patchcord.toml:2:10: recordings.format: \"mp3\" is no format of recordings\n    write \"wav\" or \"opus\", or leave it away",
    ),
    (
        "[recordings]\nannounce = \"tone::milliwatt\"",
        "etc/patchcord.toml:2:12: recordings.announce: \"tone::milliwatt\" never ends\n    write true for the shipped words, false for none, or the name of a prompt as in \"we-record\"",
    ),
    (
        "[recordings]\nannounce = \"true\"",
        "etc/patchcord.toml:2:12: recordings.announce: \"true\" is written without quotes\n    write true for the shipped words, false for none, or the name of a prompt as in \"we-record\"",
    ),
    (
        "[recordings]\nannounce = 1",
        "etc/patchcord.toml:2:12: recordings.announce: 1 is not true or false\n    write true or false, as in true",
    ),
    (
        "[sounds]\nlanguage = \"German\"",
        "etc/patchcord.toml:2:12: sounds.language: \"German\" is no language\n    write a language in two or three small letters, as in \"en\" or \"de\"",
    ),
    (
        "[sounds]\nstore = \"gs://sounds\"",
        "etc/patchcord.toml:2:9: sounds.store: \"gs://sounds\" cannot be used: gs:// is no store of prompts that is known here: name a folder or s3://bucket\n    write \"s3://bucket/prefix?region=…&endpoint=https://…\", or a folder",
    ),
    (
        "[sounds]\nstore = \"s3://id:s3cret@sounds\"",
        "etc/patchcord.toml:2:9: sounds.store: it cannot be used: keys do not belong into the address of the store: give them apart from it\n    write \"s3://bucket/prefix?region=…&endpoint=https://…\", or a folder",
    ),
    (
        "[sounds]\nstore_key = \"AKID\"",
        "etc/patchcord.toml:1:1: sounds.store_key: has no secret beside it\n    write store_secret or store_secret_env too",
    ),
    (
        "[sounds]\nstore_secret = \"s3cret\"",
        "etc/patchcord.toml:1:1: sounds.store_key: is missing beside its secret\n    write store_key too",
    ),
    (
        "[sounds]\nstore_key = \"AKID\"\nstore_secret_env = \"NOT_SET\"",
        "etc/patchcord.toml:3:20: sounds.store_secret_env: environment variable NOT_SET is not set\n    set NOT_SET before the server starts",
    ),
    (
        "[sounds]\nreach = [\"10.0.0.0/8\", \"intranet\"]",
        "etc/patchcord.toml:2:24: sounds.reach: \"intranet\" is no network\n    write a network, as in \"10.0.0.0/8\" or \"fd00::/8\"",
    ),
    (
        "[limits]\nprompt_bytes = 5",
        "etc/patchcord.toml:2:16: limits.prompt_bytes: 5 is out of range\n    write a number from 1048576 to 1099511627776",
    ),
    (
        "[endpoint]\nuser = \"alice\"",
        "etc/patchcord.toml:1:1: endpoint: may stand there several times\n    write [[endpoint]], with two brackets, before each",
    ),
    (
        "[[endpoint]]\npassword = \"x\"",
        "etc/patchcord.toml:1:1: endpoint.user: is missing\n    write user = \"alice\" or the like",
    ),
    (
        "[[endpoint]]\nuser = \"al ice\"\npassword = \"x\"",
        "etc/patchcord.toml:2:8: endpoint.user: \"al ice\" cannot be a user name\n    use 1 to 64 letters, digits and - _ . +",
    ),
    (
        "[[endpoint]]\nuser = \"alice\"",
        "etc/patchcord.toml:1:1: endpoint.password: is missing\n    write exactly one of password, password_env and ha1",
    ),
    (
        "[[endpoint]]\nuser = \"alice\"\npassword = \"x\"\npassword_env = \"ALICE\"",
        "etc/patchcord.toml:1:1: endpoint.password: is given twice\n    write exactly one of password, password_env and ha1\netc/patchcord.toml:4:16: endpoint.password_env: environment variable ALICE is not set\n    set ALICE before the server starts",
    ),
    (
        "[[endpoint]]\nuser = \"alice\"\npassword_env = \"ALICE\"",
        "etc/patchcord.toml:3:16: endpoint.password_env: environment variable ALICE is not set\n    set ALICE before the server starts",
    ),
    (
        "[[endpoint]]\nuser = \"alice\"\npassword = \"\"",
        "etc/patchcord.toml:3:12: endpoint.password: the password is empty\n    write one, or let `patchcord endpoint add` make one",
    ),
    (
        "[[endpoint]]\nuser = \"alice\"\nha1 = \"939e7578ed9e3c518a452acee763bce9\"",
        "etc/patchcord.toml:1:1: endpoint.ha1: needs a domain: the hash is good for one realm only\n    set domain in [server]",
    ),
    (
        "[server]\ndomain = \"a.b\"\n[[endpoint]]\nuser = \"alice\"\nha1 = \"939e\"",
        "etc/patchcord.toml:5:7: endpoint.ha1: it is no hash\n    write the MD5 (32 hexadecimal digits) or SHA-256 (64) of user:realm:password, or both",
    ),
    (
        "[[endpoint]]\nuser = \"alice\"\npassword = \"x\"\nnumber = \"(101)\"\nmailbox = { pni = \"1\" }",
        "etc/patchcord.toml:4:10: endpoint.number: \"(101)\" cannot be a number\n    use 1 to 32 digits, * and #; a + may stand first\netc/patchcord.toml:5:13: endpoint.mailbox.pni: is unknown\n    did you mean pin?",
    ),
    (
        "[[endpoint]]\nuser = \"alice\"\npassword = \"x\"\n[[endpoint]]\nuser = \"alice\"\npassword = \"x\"",
        "etc/patchcord.toml:4:1: endpoint.user: alice stands there twice\n    give one another name",
    ),
    (
        "[[endpoint]]\nuser = \"alice\"\npassword = \"x\"\nnumber = \"1\"\n[[endpoint]]\nuser = \"bob\"\npassword = \"x\"\nnumber = \"1\"",
        "etc/patchcord.toml:8:10: endpoint.number: 1 already rings alice\n    give one another number",
    ),
    (
        "[[endpoint]]\nuser = \"alice\"\npassword = 12345",
        "etc/patchcord.toml:3:12: endpoint.password: it is a number\n    write it in quotes",
    ),
    (
        "[[endpoint]]\nuser = \"alice\"\npassword = \"open\\nsesame\"",
        "etc/patchcord.toml:3:12: endpoint.password: the password holds a control character\n    leave it out; a password ends before the end of its line",
    ),
    (
        "[sip]\ndigest = \"sha-1\"",
        "etc/patchcord.toml:2:10: sip.digest: \"sha-1\" is no digest algorithm\n    write \"md5\", \"sha-256\", or [\"sha-256\", \"md5\"] for both",
    ),
    (
        "[server]\ndomain = \"a.b\"\n[[endpoint]]\nuser = \"alice\"\nha1 = \"939e7578ed9e3c518a452acee763bce9\"\ndigest = \"sha-256\"",
        "etc/patchcord.toml:3:1: endpoint.ha1: is no hash by sha-256, which is what it will be asked for\n    write the other hash, or name its algorithm as digest",
    ),
];

/// A variable, its value, and all that is told about it.
const VARIABLES: &[(&str, &str, &str)] = &[
    (
        "PATCHCORD_SIP_LISTEN",
        "udp:0.0.0.0:5060",
        "environment variable PATCHCORD_SIP_LISTEN: sip.listen: has one underscore where two part a section from its key\n    write PATCHCORD_SIP__LISTEN",
    ),
    (
        "PATCHCORD_SIP__LISTEN",
        "5060",
        "environment variable PATCHCORD_SIP__LISTEN: sip.listen: \"5060\" names no transport\n    write \"udp:0.0.0.0:5060\" or \"tcp:0.0.0.0:5060\"",
    ),
    (
        "PATCHCORD_SIP__SHARDS",
        "many",
        "environment variable PATCHCORD_SIP__SHARDS: sip.shards: \"many\" is not a whole number\n    write a whole number, as in 1",
    ),
    (
        "PATCHCORD_SPI__LISTEN",
        "x",
        "environment variable PATCHCORD_SPI__LISTEN: spi: is unknown\n    did you mean sip?",
    ),
    (
        "PATCHCORD_ENDPOINT__7__USER",
        "bob",
        "environment variable PATCHCORD_ENDPOINT__7__USER: endpoint.7.user: leads nowhere\n    sections and keys are parted by two underscores, as in PATCHCORD_SIP__LISTEN; entries of a list are counted from 0 without a gap, as in PATCHCORD_ENDPOINT__0__USER",
    ),
    (
        "PATCHCORD_SIP__LISTEN__0__X",
        "bob",
        "environment variable PATCHCORD_SIP__LISTEN__0__X: sip.listen: a section is not a text\n    write a text, as in \"…\"",
    ),
    (
        "PATCHCORD_SIP__",
        "bob",
        "environment variable PATCHCORD_SIP__: sip.: leads nowhere\n    sections and keys are parted by two underscores, as in PATCHCORD_SIP__LISTEN; entries of a list are counted from 0 without a gap, as in PATCHCORD_ENDPOINT__0__USER",
    ),
];

#[test]
fn a_wrong_file_is_told_word_by_word() {
    for (text, expected) in FILES {
        assert_eq!(told(text, &[]), *expected, "{text}");
    }
}

#[test]
fn a_wrong_variable_is_told_by_its_name() {
    for (name, value, expected) in VARIABLES {
        assert_eq!(told("", &[(name, value)]), *expected, "{name}={value}");
    }
}
