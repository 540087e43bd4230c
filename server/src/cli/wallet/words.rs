//! What is signed and what could go wrong, in plain words.

use wallet::sign_in::SignInMessage;
use wallet::typed_data::TypedData;

/// Typed data as lines.
pub(super) fn typed_data(data: &TypedData) -> String {
    let domain = &data.domain;
    let fields = [
        domain.name.as_ref().map(|name| format!("for        {name:?}")),
        domain.version.as_ref().map(|version| format!("version    {version:?}")),
        domain.chain_id.map(|id| format!("chain      {id}")),
        domain.verifying_contract.map(|contract| format!("contract   {contract}")),
        domain.salt.map(|salt| format!("salt       {salt}")),
    ];
    let mut lines: Vec<String> = fields.into_iter().flatten().collect();
    lines.push(data.message.to_string().trim_end().to_owned());
    lines.join("\n")
}

/// What a message does, where it signs somebody in.
pub(super) fn sign_in(message: &SignInMessage) -> String {
    let (domain, chain_id) = (&message.domain, message.chain_id);
    format!("This signs you in at {domain} on the chain {chain_id}. Go on only if you are just signing in there.")
}
