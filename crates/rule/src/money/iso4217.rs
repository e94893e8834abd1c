//! The current codes of ISO 4217 (list one) and the decimal digits of their minor units.

/// Codes by number of decimal digits; most have two. Funds codes and precious metals are left out.
const BY_EXPONENT: [(u32, &str); 3] = [
    (0, "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF"),
    (3, "BHD IQD JOD KWD LYD OMR TND"),
    (
        2,
        "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CNY COP CRC \
         CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD \
         KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO \
         NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL \
         THB TJS TMT TOP TRY TTD TWD TZS UAH USD UYU UZS VED VES WST XCD XCG YER ZAR ZMW ZWG",
    ),
];

/// The decimal digits of a code's minor unit; none for a code that is not on the list.
pub(super) fn exponent(code: [u8; 3]) -> Option<u32> {
    // The usual ones first: this is asked for every conversion read.
    if matches!(&code, b"EUR" | b"USD" | b"GBP" | b"NOK" | b"SEK") {
        return Some(2);
    }
    let listed = |codes: &str| codes.as_bytes().chunks(4).any(|chunk| chunk.starts_with(&code));
    BY_EXPONENT.iter().find(|(_, codes)| listed(codes)).map(|(exponent, _)| *exponent)
}

/// All codes.
pub(super) fn codes() -> impl Iterator<Item = &'static str> {
    BY_EXPONENT.iter().flat_map(|(_, codes)| codes.split(' '))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_listed_code_is_found_under_its_digits() {
        for (digits, list) in BY_EXPONENT {
            for code in list.split(' ') {
                assert_eq!(exponent(code.as_bytes().try_into().unwrap()), Some(digits), "{code}");
            }
        }
        assert_eq!(exponent(*b"EUX"), None);
        assert_eq!(exponent(*b"eur"), None);
        assert!(codes().count() > 150);
    }
}
