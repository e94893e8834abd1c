//! The published estimates on the CDNOW 1/10 sample (2,357 customers, 39 weeks), fitted again.
//!
//! Sources: BG/NBD, Fader, Hardie & Lee, "Counting your customers the easy way" (Marketing Science 24, 2005), table 2;
//! MBG/NBD, Batislam, Denizel & Filiztekin (International Journal of Research in Marketing 24, 2007) and the vignette of
//! BTYDplus; Gamma-Gamma, Fader, Hardie & Lee, "RFM and CLV" (2005) and Fader & Hardie's note of 2013 on the model.
//! The sample may not be copied into the repository: the folder is named by RAPPORT_EVAL_DATA, or stands beside it as `shared/data`.
//! Without it this says `not run`, which `cargo xtask test` repeats at its end; a harness of libtest's would swallow it and call it
//! passed. What needs no foreign data is `recovered.rs`.
#![allow(clippy::disallowed_methods, reason = "a test that reads a file")]

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::PathBuf;

use jiff::civil::{Date, date};
use rapport_insight::base::{ActiveDay, Family, GammaGamma, Grouped, Nbd, Summary};
use rapport_insight::day;

fn sample() -> Option<Vec<Vec<ActiveDay>>> {
    let beside = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let folder = std::env::var_os("RAPPORT_EVAL_DATA").map_or(beside, PathBuf::from);
    let file = std::fs::File::open(folder.join("customer_base/cdnow_sample.csv.gz")).ok()?;
    let mut text = String::new();
    flate2::read::MultiGzDecoder::new(file).read_to_string(&mut text).unwrap();
    let mut customers: BTreeMap<String, Vec<ActiveDay>> = BTreeMap::new();
    for line in text.lines().skip(1) {
        let [customer, on, orders, spend] = line.split(',').collect::<Vec<_>>()[..] else { panic!("{line}") };
        let on: Date = on.parse().unwrap();
        let active = ActiveDay { day: day::number(on), orders: orders.parse().unwrap(), spend: spend.parse().unwrap() };
        customers.entry(customer.to_owned()).or_default().push(active);
    }
    Some(customers.into_values().collect())
}

fn close(got: f64, published: f64, within: f64) {
    assert!((got - published).abs() <= within, "{got} is not {published}");
}

fn main() {
    let Some(customers) = sample() else {
        println!("not run: published parameters, for want of the CDNOW sample (RAPPORT_EVAL_DATA names its folder)");
        return;
    };
    published_parameters_come_out_again(&customers);
    println!("test result: ok. 1 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out");
}

fn published_parameters_come_out_again(customers: &[Vec<ActiveDay>]) {
    let until = day::number(date(1997, 9, 30));
    let sums: Vec<Summary> = customers.iter().filter_map(|days| Summary::until(days, until)).collect();
    assert_eq!(sums.len(), 2357);
    let grouped = Grouped::of(sums.iter().map(|one| one.history(until)));
    for (family, published, likelihood) in
        [(Family::Bg, [0.243, 4.414, 0.793, 2.426], -9582.4), (Family::Mbg, [0.525, 6.183, 0.891, 1.614], -9582.1)]
    {
        let fit = Nbd::fit(&grouped, family, None);
        let Nbd { r, alpha, a, b, .. } = fit.model;
        println!("{family:?}: r {r:.4} alpha {alpha:.4} a {a:.4} b {b:.4}, log-likelihood {:.2}", fit.log_likelihood);
        assert!(fit.converged);
        [r, alpha, a, b].into_iter().zip(published).for_each(|(got, published)| close(got, published, 0.0006));
        close(fit.log_likelihood, likelihood, 0.1);
    }
    let GammaGamma { p, q, v } =
        GammaGamma::fit(sums.iter().filter_map(|one| Some((one.active - 1, one.repeat_spend()?)))).unwrap();
    println!("Gamma-Gamma: p {p:.3} q {q:.3} v {v:.3}");
    close(p, 6.25, 0.006);
    close(q, 3.744, 0.0015);
    close(v, 15.444, 0.02);
}
