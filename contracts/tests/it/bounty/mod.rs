//! `ModelBounty`: AIT pledged for a model, and who earns it.

mod claiming;
mod documents;
pub(crate) mod fixture;
mod ledger;
mod pledging;
mod refunding;
mod settling;
