//! Prints the metric catalogue: `cargo run -p rapport-partner --example metrics > docs/metrics.md`.

fn main() {
    print!("{}", rapport_partner::metric::document());
}
