//! One story: phones and the house on one network, until everybody is idle, and until everything has lapsed.

use std::time::{Duration, Instant};

use patchcord_sip::{Message, Transport};

use super::house::House;
use super::laws::{self, Tales};
use super::network::{Chance, Network, Weather};
use super::phone::{Phone, Wrong, law};

/// More than any story needs; one that goes on longer never ends.
const MOST_STEPS: u32 = 50_000;

pub struct Town {
    pub now: Instant,
    pub house: House,
    pub phones: Vec<Phone>,
    network: Network,
}

/// Lives through one seed.
pub fn live(seed: u64, transport: Transport, tales: &mut Tales) -> Wrong {
    let mut chance = Chance::seeded(seed);
    let start = Instant::now();
    let mut weather = Weather::of_the_day(&mut chance);
    weather.replayed_percent = chance.below(10);
    let count = 1 + chance.below(3) as u8;
    // Nobody may take away what others hold, unless each endpoint has one phone.
    let alone = count < 3 && chance.percent(50);
    let phones: Vec<_> = (0..count).map(|number| Phone::new(number, alone, transport, start, &mut chance)).collect();
    let mut network = Network::new(weather, Chance::seeded(chance.number()));
    if chance.percent(15) {
        let deaf = phones[0].address;
        network.deafen(deaf, start + chance.time(Duration::from_secs(60)));
    }
    let house = House::open(start, Chance::seeded(chance.number()));
    let mut town = Town { now: start, house, phones, network };
    let mut steps = 0;
    while town.step()? {
        steps += 1;
        law(steps < MOST_STEPS, || "the story never ends".to_owned())?;
        laws::at_all_times(&town)?;
    }
    laws::at_rest(&town)?;
    tales.note(&town);
    laws::in_the_end(&town)
}

impl Town {
    /// Goes to the next moment at which something happens. False when nothing will.
    fn step(&mut self) -> Result<bool, String> {
        let phones = self.phones.iter().map(Phone::deadline);
        let moments = phones.chain([self.network.deadline(), self.house.table.deadline()]);
        let Some(next) = moments.flatten().min() else { return Ok(false) };
        self.now = self.now.max(next);
        let now = self.now;
        while let Some(parcel) = self.network.arrive(now) {
            let message = Message::parse(parcel.bytes).map_err(|_| "what was sent is no SIP")?;
            match self.phones.iter_mut().find(|phone| phone.address == parcel.hop.local) {
                // A connection that its phone has given up is nobody's.
                Some(phone) if phone.flow() == parcel.hop.flow => phone.receive(message, parcel.hop, now),
                Some(_) => {}
                None => self.house.receive(message, parcel.hop, now),
            }
            self.settle()?;
        }
        for number in 0..self.phones.len() {
            if let Some(flow) = self.phones[number].hangs(now) {
                self.network.close(flow);
                self.house.flow_closed(flow);
            }
            self.phones[number].wake(now);
        }
        if self.house.table.deadline().is_some_and(|deadline| deadline <= now) {
            self.house.table.wake(now);
        }
        self.settle()?;
        Ok(true)
    }

    fn settle(&mut self) -> Wrong {
        loop {
            let mut busy = self.house.settle(&mut self.network, self.now);
            for phone in &mut self.phones {
                busy |= phone.settle(&mut self.network, self.now)?;
                phone.tidy();
            }
            if !busy {
                return Ok(());
            }
        }
    }
}
