//! A meeting that is run from the dashboard: three tabs of a browser are in it, each with a tone of its own, and a fourth rules. Each
//! control of the page is tried, and what comes of it is what each of them hears.

use patchcord_lab::{Carrier, Chromium, Handset, Lab, Model, Side, eventually};

use crate::calling::at_home;
use crate::page_phones::{EAR, dial, hears, is_over, log_in, ready, shows, tab};
use crate::pages::{Door, house_of};
use crate::setup;

/// What each tab's microphone says.
const TONES: [u32; 3] = [1530, 2040, 2450];

/// A tone that is quieter than this below full scale is not there: each is spoken at about -26, and a browser on a busy machine, which
/// stretches what comes late, smears a little of each over its neighbours.
const INAUDIBLE_DB: i32 = -48;

/// What is played to all and to one: it lasts until it is heard, however slow the machine is.
const TO_ALL_HZ: u32 = 600;
const TO_ONE_HZ: u32 = 700;
const ANNOUNCED_MS: u32 = 60_000;

/// Another tab of that browser, which calls the room.
async fn member(browser: &Chromium, door: &Door, hz: u32) -> Chromium {
    let mut page = browser.tab(hz).await;
    log_in(&mut page, door).await;
    page.open(&format!("http://{}/phone", door.web)).await;
    ready(&mut page).await;
    dial(&mut page, "3001").await;
    shows(&mut page, "talks").await;
    page.run(EAR).await;
    page
}

/// A meeting of three tabs and whoever rules it.
struct Meeting {
    chair: Chair,
    one: Chromium,
    two: Chromium,
    three: Chromium,
    /// Their numbers in the room, in this order.
    ids: Vec<String>,
}

async fn hears_nothing_of(page: &mut Chromium, hz: u32) {
    page.until(&format!("{hz} Hz is not heard"), &format!("level({hz}) < {INAUDIBLE_DB}")).await;
}

/// The page of the room, ruled by whoever looks at it.
struct Chair {
    page: Chromium,
}

impl Chair {
    /// Who is in, by the order in which they came.
    async fn members(&mut self, count: usize) -> Vec<String> {
        let seats = "[...document.querySelectorAll('[data-member]')].map((seat) => seat.dataset.member)";
        self.page.until(&format!("{count} are seen"), &format!("{seats}.length === {count}")).await;
        let seats = self.page.run(seats).await;
        seats.as_array().expect("seats").iter().map(|id| id.as_str().expect("a number").to_owned()).collect()
    }

    /// Sends a form of the page and waits for the page that comes.
    async fn sends(&mut self, form: &str, fill: &str) {
        let send = format!(
            "(() => {{ window.old = true; const form = document.querySelector('{form}').closest('form'); {fill}; \
             form.requestSubmit(); return true }})()"
        );
        self.page.run(&send).await;
        self.page
            .until(&format!("{form} is done"), "window.old === undefined && document.readyState === 'complete'")
            .await;
        assert_eq!(self.page.run("document.querySelector('.notice')?.textContent ?? ''").await, "", "{form}");
    }

    /// Presses a button of somebody's seat.
    async fn orders(&mut self, member: &str, deed: &str) {
        self.sends(&format!("[data-member=\"{member}\"] [data-deed={deed}]"), "").await;
    }

    /// Fills a field, or chooses, and sends that.
    async fn says(&mut self, place: &str, deed: &str, field: &str, value: &str) {
        let fill = format!("form.querySelector('[name={field}]').value = '{value}'");
        self.sends(&format!("{place} [data-deed={deed}]"), &fill).await;
    }

    async fn sees(&mut self, fact: &str, script: &str) {
        self.page.until(fact, script).await;
    }
}

/// Everybody hears the others, and the page shows who speaks.
async fn begin(door: &Door) -> Meeting {
    let mut chair = Chair { page: tab(door, 400).await };
    let one = member(&chair.page, door, TONES[0]).await;
    // Whoever is answered is at the door yet, and a room has no page before somebody is in it.
    eventually("the room is open", async || door.page("/rooms/3001").await.contains("data-member").then_some(())).await;
    chair.page.open(&format!("http://{}/rooms/3001", door.web)).await;
    chair.members(1).await;
    let two = member(&chair.page, door, TONES[1]).await;
    chair.members(2).await;
    let three = member(&chair.page, door, TONES[2]).await;
    let ids = chair.members(3).await;
    let mut all = Meeting { chair, one, two, three, ids };
    hears(&mut all.one, TONES[1]).await;
    hears(&mut all.one, TONES[2]).await;
    hears(&mut all.three, TONES[0]).await;
    let loud = "[...document.querySelectorAll('.seat.talks meter')].filter((one) => one.value > 0.3).length === 3";
    all.chair.sees("levels", loud).await;
    all.chair.sees("somebody has the floor", "document.querySelectorAll('.seat.floor').length === 1").await;
    all
}

impl Meeting {
    /// Muted, deafened, held out of the room, and back.
    async fn silences(&mut self) {
        let Self { chair, one, two, three, ids } = self;
        chair.orders(&ids[1], "mute").await;
        hears_nothing_of(one, TONES[1]).await;
        hears(two, TONES[0]).await;
        chair.sees("it is seen", "document.querySelectorAll('.seat .badge').length === 1").await;
        chair.orders(&ids[1], "mute").await;
        hears(one, TONES[1]).await;

        chair.orders(&ids[2], "deaf").await;
        hears_nothing_of(three, TONES[0]).await;
        hears(one, TONES[2]).await;
        chair.orders(&ids[2], "deaf").await;
        hears(three, TONES[0]).await;

        chair.orders(&ids[1], "aside").await;
        hears_nothing_of(one, TONES[1]).await;
        chair.orders(&ids[1], "aside").await;
        hears(one, TONES[1]).await;
    }

    /// How loud somebody is to one and to all, a hand, a role.
    async fn ranks(&mut self) {
        let Self { chair, one, two, ids, .. } = self;
        let (first, third) = (seat(&ids[0]), seat(&ids[2]));
        let whom = |db: i32| {
            let other = &ids[2];
            format!(
                "form.querySelector('[name=other]').value = '{other}'; form.querySelector('[name=db]').value = '{db}'"
            )
        };
        chair.sends(&format!("{first} [data-deed=hears]"), &whom(-60)).await;
        hears_nothing_of(one, TONES[2]).await;
        hears(two, TONES[2]).await;
        chair.sends(&format!("{first} [data-deed=hears]"), &whom(0)).await;
        hears(one, TONES[2]).await;
        chair.says(&third, "gain", "db", "-60").await;
        hears_nothing_of(one, TONES[2]).await;
        chair.says(&third, "gain", "db", "0").await;
        hears(one, TONES[2]).await;

        chair.orders(&ids[0], "hand").await;
        chair.sees("the hand is up", "document.querySelector('.seat .badge')?.textContent === 'hand up'").await;
        chair.orders(&ids[0], "hand").await;
        chair.says(&seat(&ids[1]), "role", "role", "moderator").await;
        let role = "document.querySelectorAll('.seat .name .muted')[1].textContent.includes('moderator')";
        chair.sees("who he is", role).await;
    }

    /// What is done with the room as a whole.
    async fn as_a_whole(&mut self) {
        let Self { chair, one, two, three, ids } = self;
        chair.sends("#room-head [data-deed=record]", "").await;
        chair.sees("it is recorded", "document.querySelector('h1 .badge')?.textContent === 'recorded'").await;
        chair.sends("#room-head [data-deed=lock]", "").await;
        chair.sees("it is locked", "document.querySelector('h1').textContent.includes('locked')").await;
        chair.sends("#room-head [data-deed=lock]", "").await;
        chair.sends("#room-head form:nth-of-type(1) [data-deed=mute]", "").await;
        // The second is a moderator by now, and spared. Who is told by a prompt hears the room again when that is over.
        hears_nothing_of(one, TONES[2]).await;
        hears_nothing_of(two, TONES[0]).await;
        hears(one, TONES[1]).await;
        chair.sends("#room-head form:nth-of-type(2) [data-deed=mute]", "").await;
        hears(one, TONES[2]).await;
        hears(two, TONES[0]).await;
        let offered =
            "[...document.querySelectorAll('#offered-prompt option')].some((one) => one.value === 'one-moment')";
        chair.sees("prompts are offered by name", offered).await;
        chair.says(".wishes", "announce", "prompt", &format!("tone::{TO_ALL_HZ}@-20:{ANNOUNCED_MS}")).await;
        hears(one, TO_ALL_HZ).await;
        chair.says(&seat(&ids[2]), "announce", "prompt", &format!("tone::{TO_ONE_HZ}@-20:{ANNOUNCED_MS}")).await;
        hears(three, TO_ONE_HZ).await;
        hears_nothing_of(two, TO_ONE_HZ).await;
    }

    /// Somebody is called in; others go elsewhere and come back, or are sent out.
    async fn comings_and_goings(&mut self, alice: &Handset) {
        let Self { chair, one, two, ids, .. } = self;
        chair.says(".wishes", "invite", "target", "user:alice").await;
        alice.answers().await;
        chair.members(4).await;
        hears(one, alice.voice().hz()).await;
        chair.says(&seat(&ids[2]), "move", "room", "3002").await;
        chair.members(3).await;
        hears_nothing_of(one, TONES[2]).await;
        chair.says(".wishes", "merge", "room", "3002").await;
        chair.members(4).await;
        hears(one, TONES[2]).await;
        chair.orders(&ids[1], "kick").await;
        is_over(two).await;
        chair.members(3).await;
        hears_nothing_of(one, TONES[1]).await;
    }
}

fn seat(id: &str) -> String {
    format!("[data-member=\"{id}\"]")
}

#[tokio::test]
async fn a_meeting_is_run_from_the_dashboard_and_each_control_does_what_it_says() {
    let (server, door) = house_of(setup().endpoint_with("alice", "secret", "number = \"150\"")).await;
    let lab = Lab::open();
    let alice = at_home(&lab, &server, "alice", Carrier::Udp, &Model::new()).await;
    let mut all = begin(&door).await;
    all.silences().await;
    all.ranks().await;
    all.as_a_whole().await;
    all.comings_and_goings(&alice).await;

    let Meeting { mut chair, mut one, mut three, .. } = all;
    chair.sends("#room-head [data-deed=end]", "").await;
    assert_eq!(alice.is_over().await.by, Side::Them);
    is_over(&mut one).await;
    is_over(&mut three).await;

    // What is left of it: who was in, who talked, and the sound.
    let past = "[...document.querySelectorAll('a[href^=\"/past-rooms/\"]')].find((one) => one.textContent === '3001')";
    chair.page.open(&format!("http://{}/rooms", door.web)).await;
    chair.sees("the room is over", &format!("{past} !== undefined")).await;
    let link = chair.page.run(&format!("{past}.href")).await;
    chair.page.open(link.as_str().expect("an address")).await;
    assert_eq!(chair.page.run("document.querySelectorAll('.line .stays').length >= 4").await, true);
    assert_eq!(chair.page.run("document.querySelectorAll('.line .talks').length >= 4").await, true);
    // The writer of a file may come a little behind the room.
    let plays = "(async () => { const sound = document.querySelector('.sound audio'); \
                 if (sound.paused) await sound.play().catch(() => sound.load()); return sound.currentTime > 0.5 })()";
    chair.sees("the recording plays", plays).await;
    for page in [&one, &three, &chair.page] {
        assert_eq!(page.complaints(), Vec::<String>::new());
    }
}
