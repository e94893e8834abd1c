//! The engine in a simulated world: its own services, in memory and on virtual time. One program, so that it is linked once.

mod scene;
mod stand;

mod addresses;
mod awards;
mod calls;
mod compiled;
mod copies;
mod days;
mod digests;
mod edges;
mod fits;
mod goals;
mod hottest;
mod live;
mod mailers;
mod neighbours;
mod nights;
mod notices;
mod offers;
mod refusals;
mod seeds;
mod stops;
mod versions;
mod wishes;
mod work;
