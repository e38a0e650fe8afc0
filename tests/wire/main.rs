//! The real program behind real TLS sockets: what only a whole process can show.
mod crash;
mod der;
mod house;
mod json;
mod mutants;
mod raw;
mod road;
mod start;
mod tls;
