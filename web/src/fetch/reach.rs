//! Which addresses a script may make us speak to.
//!
//! The address of a prompt may come from a stranger: from a form, a header, a redirect. Whoever follows it from inside the
//! house opens doors that are shut from outside: routers, databases, the clouds' services that hand out keys. So only the
//! public internet is reached, and what the configuration adds. It is addresses that are judged, after the lookup and for
//! each connection, never names.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

/// A network, and what it is to somebody who wonders why it was refused.
type Known<Net> = (Net, &'static str);

const fn v4(a: u8, b: u8, c: u8, d: u8, bits: u8, what: &'static str) -> Known<Ipv4Net> {
    (Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), bits), what)
}

const fn v6(first: u16, second: u16, bits: u8, what: &'static str) -> Known<Ipv6Net> {
    (Ipv6Net::new_assert(Ipv6Addr::new(first, second, 0, 0, 0, 0, 0, 0), bits), what)
}

/// IPv4 that is not the public internet (RFC 6890 and what came after it).
const NOT_PUBLIC: [Known<Ipv4Net>; 16] = [
    v4(0, 0, 0, 0, 8, "this machine"),
    v4(10, 0, 0, 0, 8, "a private network"),
    v4(100, 64, 0, 0, 10, "a carrier's inner network"),
    v4(127, 0, 0, 0, 8, "this machine"),
    v4(169, 254, 0, 0, 16, "the local link"),
    v4(172, 16, 0, 0, 12, "a private network"),
    v4(192, 0, 0, 0, 24, "set apart for protocols"),
    v4(192, 0, 2, 0, 24, "an example"),
    v4(192, 88, 99, 0, 24, "an old relay"),
    v4(192, 168, 0, 0, 16, "a private network"),
    v4(198, 18, 0, 0, 15, "for measurements"),
    v4(198, 51, 100, 0, 24, "an example"),
    v4(203, 0, 113, 0, 24, "an example"),
    v4(224, 0, 0, 0, 4, "for many at once"),
    v4(240, 0, 0, 0, 4, "nobody's"),
    // Public by its number, and yet the place where Azure hands out what a machine is trusted with.
    v4(168, 63, 129, 16, 32, "a service of the cloud"),
];

/// All of the public IPv6 internet is in here …
const PUBLIC_V6: Ipv6Net = Ipv6Net::new_assert(Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3);
/// … except for these.
const NOT_PUBLIC_V6: [Known<Ipv6Net>; 4] = [
    v6(0x2001, 0, 23, "set apart for protocols"),
    v6(0x2001, 0x0db8, 32, "an example"),
    v6(0x2002, 0, 16, "an old relay"),
    v6(0x3fff, 0, 20, "an example"),
];
/// IPv4 behind a translator stands in the last four bytes (RFC 6052).
const TRANSLATED: Ipv6Net = Ipv6Net::new_assert(Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, 0, 0), 96);

/// Which addresses may be reached. By default those of the public internet.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reach {
    beside: Vec<IpNet>,
    anywhere: bool,
}

/// Why an address is not spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{address} is {what}, where no prompt is fetched from unless the configuration allows it")]
pub struct Withheld {
    /// The address.
    pub address: IpAddr,
    /// What it is.
    pub what: &'static str,
}

impl Reach {
    /// The public internet and these networks beside it.
    #[must_use]
    pub fn and(beside: Vec<IpNet>) -> Self {
        Self { beside, anywhere: false }
    }

    /// Every address. For what the configuration names, never for what a script does.
    #[must_use]
    pub fn anywhere() -> Self {
        Self { beside: Vec::new(), anywhere: true }
    }

    /// Says whether an address may be spoken to. `own` tells of a public address whether it is ours.
    ///
    /// # Errors
    /// When it may not.
    pub fn judge(&self, address: IpAddr, own: impl FnOnce(IpAddr) -> bool) -> Result<(), Withheld> {
        let plain = plain(address);
        if self.anywhere || self.beside.iter().any(|net| net.contains(&plain)) {
            return Ok(());
        }
        let refused = match plain {
            IpAddr::V4(v4) => NOT_PUBLIC.iter().find(|(net, _)| net.contains(&v4)).map(|(_, what)| *what),
            IpAddr::V6(v6) if !PUBLIC_V6.contains(&v6) => Some("not of the public internet"),
            IpAddr::V6(v6) => NOT_PUBLIC_V6.iter().find(|(net, _)| net.contains(&v6)).map(|(_, what)| *what),
        };
        let what = refused.or_else(|| own(address).then_some("this machine"));
        what.map_or(Ok(()), |what| Err(Withheld { address, what }))
    }
}

/// The address that is meant, out of the clothes of IPv6.
fn plain(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) if TRANSLATED.contains(&v6) => {
            let [.., a, b, c, d] = v6.octets();
            Ipv4Addr::new(a, b, c, d).into()
        }
        address => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn may(reach: &Reach, address: &str) -> bool {
        reach.judge(address.parse().unwrap(), |_| false).is_ok()
    }

    #[test]
    fn only_the_public_internet_is_reached() {
        let reach = Reach::default();
        for public in ["1.1.1.1", "172.15.0.1", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "64:ff9b::101:101"] {
            assert!(may(&reach, public), "{public}");
        }
        for inner in [
            "127.0.0.1",
            "127.8.9.1",
            "0.0.0.0",
            "10.1.2.3",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "169.254.169.254",
            "100.100.100.200",
            "168.63.129.16",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::127.0.0.1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "64:ff9b::7f00:1",
            "64:ff9b:1::101:101",
            "fe80::1",
            "fd00:ec2::254",
            "fec0::1",
            "ff02::1",
            "2001::1",
            "2001:db8::1",
            "2002:7f00:1::1",
        ] {
            assert!(!may(&reach, inner), "{inner}");
        }
    }

    #[test]
    fn a_network_that_is_allowed_is_reached_and_its_neighbour_is_not() {
        let reach = Reach::and(vec!["10.1.0.0/16".parse().unwrap(), "fd00:1::/32".parse().unwrap()]);
        for allowed in ["10.1.2.3", "::ffff:10.1.2.3", "fd00:1::5", "1.1.1.1"] {
            assert!(may(&reach, allowed), "{allowed}");
        }
        for other in ["10.2.0.1", "fd00:2::5", "127.0.0.1"] {
            assert!(!may(&reach, other), "{other}");
        }
        assert!(may(&Reach::anywhere(), "127.0.0.1"));
    }

    #[test]
    fn an_address_of_this_machine_is_refused_although_it_is_public() {
        let address = "1.1.1.1".parse().unwrap();
        let withheld = Reach::default().judge(address, |asked| asked == address).unwrap_err();
        assert_eq!(withheld, Withheld { address, what: "this machine" });
        assert!(Reach::and(vec!["1.1.1.0/24".parse().unwrap()]).judge(address, |_| true).is_ok());
    }

    proptest! {
        #[test]
        fn an_address_is_judged_alike_in_the_clothes_of_ipv6(bits: u32) {
            let inner = Ipv4Addr::from_bits(bits);
            let reach = Reach::default();
            let bare = reach.judge(inner.into(), |_| false).is_ok();
            let translated = Ipv6Addr::from_bits(TRANSLATED.network().to_bits() | u128::from(bits));
            prop_assert_eq!(reach.judge(inner.to_ipv6_mapped().into(), |_| false).is_ok(), bare);
            prop_assert_eq!(reach.judge(translated.into(), |_| false).is_ok(), bare);
        }
    }
}
