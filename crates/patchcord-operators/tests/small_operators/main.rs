//! The small operators, each through a network as a program uses it; and facts that hold for every declaration.

mod computing;
mod connectors;
mod csound;
mod declarations;
mod execute;
mod info;
mod stage;
mod table;
mod text;
mod timers;
mod watching;
