//! A sheet in words, for pages that render it by a script of their own: the browser extension's.

use serde::Serialize;
use wallet::protocol::{Fee, Severity, Sheet, SheetRisk, Ticket, TreeLine, What};

use crate::text::wallet as words;

/// Everything that is shown before a signature, from top to bottom.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ToldSheet {
    pub ticket: Ticket,
    pub title: &'static str,
    /// Who asks; absent for the owner.
    pub origin: Option<String>,
    /// What goes, with all its digits: nobody signs for a sum that is shown shorter than it is.
    pub amount: Option<String>,
    /// What to be careful about with this kind of message.
    pub notice: Option<String>,
    pub message: Option<String>,
    pub tree: Vec<TreeLine>,
    pub facts: Vec<Fact>,
    /// Never empty: something can always go wrong.
    pub risks: Vec<SheetRisk>,
    /// On the button that signs.
    pub approve: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fact {
    pub name: String,
    pub value: String,
    /// Whether people read it digit by digit.
    pub is_code: bool,
}

pub fn told(sheet: Sheet) -> ToldSheet {
    let Sheet { ticket, from, origin, chain_id, what, mut risks } = sheet;
    let usual = match &what {
        What::Transfer { .. } => words::SHEET_NO_RISKS,
        What::Call { .. } => words::SHEET_NO_RISKS_CALL,
        What::Message { .. } | What::TypedData { .. } => words::SHEET_NO_RISKS_MESSAGE,
    };
    risks.push(SheetRisk { severity: Severity::Note, text: usual.to_owned() });
    let approve = match &what {
        What::Transfer { amount, .. } => words::send_now(&amount.to_string()),
        _ => words::SHEET_SIGN.to_owned(),
    };
    let mut told = ToldSheet {
        ticket,
        title: title(&what),
        origin: (origin != words::SHEET_OWN).then_some(origin),
        amount: None,
        notice: None,
        message: None,
        tree: Vec::new(),
        facts: vec![code(words::FROM, from)],
        risks,
        approve,
    };
    tell(what, &mut told);
    told.facts.push(plain(words::SHEET_CHAIN, chain_id));
    told
}

fn title(what: &What) -> &'static str {
    match what {
        What::Transfer { .. } => words::SHEET_TRANSFER,
        What::Call { .. } => words::SHEET_CALL,
        What::Message { sign_in: Some(_), .. } => words::SHEET_SIGN_IN,
        What::Message { .. } => words::SHEET_MESSAGE,
        What::TypedData { .. } => words::SHEET_TYPED,
    }
}

fn tell(what: What, told: &mut ToldSheet) {
    match what {
        What::Transfer { to, amount, balance_after, receiver_after, fee } => {
            told.amount = Some(format!("{amount} AIT"));
            told.facts.extend([
                code(words::TO, to),
                plain(words::SHEET_YOU_AFTER, format!("{balance_after} AIT")),
                plain(words::SHEET_THEY_AFTER, format!("{receiver_after} AIT")),
                plain(words::SHEET_FEE, fee_words(&fee)),
            ]);
        }
        // The sentence names the contract.
        What::Call { to: _, words: does, value_wei, input, fee } => {
            told.facts.push(plain(words::SHEET_DOES, does));
            if value_wei != "0" {
                told.facts.push(plain(words::SHEET_VALUE, words::up_to(&value_wei)));
            }
            told.facts.extend([plain(words::SHEET_FEE, fee_words(&fee)), code(words::SHEET_DATA, input)]);
        }
        What::Message { text, sign_in } => {
            told.notice = sign_in.map(|domain| words::sign_in(&domain));
            told.message = Some(text);
        }
        What::TypedData { primary_type, domain, tree } => {
            told.tree = tree;
            told.facts.push(code(words::SHEET_TYPE, primary_type));
            told.facts.extend(domain.into_iter().map(|(name, value)| Fact { name, value, is_code: true }));
        }
    }
}

pub fn fee_words(fee: &Fee) -> String {
    match fee {
        Fee::Free => words::SHEET_FREE.to_owned(),
        Fee::UpTo { wei } => words::up_to(wei),
    }
}

fn plain(name: &str, value: impl ToString) -> Fact {
    Fact { name: name.to_owned(), value: value.to_string(), is_code: false }
}

fn code(name: &str, value: impl ToString) -> Fact {
    Fact { is_code: true, ..plain(name, value) }
}

#[cfg(test)]
mod tests {
    use shared::Address;
    use shared::amount::Amount;

    use super::*;

    fn sheet(origin: &str, what: What, risks: Vec<SheetRisk>) -> Sheet {
        Sheet {
            ticket: Ticket(7),
            from: Address::repeat_byte(1),
            origin: origin.to_owned(),
            chain_id: 24_822,
            what,
            risks,
        }
    }

    #[test]
    fn a_transfer_says_the_whole_amount_and_both_balances() {
        let amount: Amount = "1.000000000000000001".parse().unwrap();
        let what = What::Transfer {
            to: Address::repeat_byte(2),
            amount,
            balance_after: "2".parse().unwrap(),
            receiver_after: "3".parse().unwrap(),
            fee: Fee::Free,
        };
        let told = told(sheet(words::SHEET_OWN, what, Vec::new()));
        assert_eq!(told.origin, None);
        assert_eq!(told.amount.as_deref(), Some("1.000000000000000001 AIT"));
        assert_eq!(told.approve, "Send 1.000000000000000001 AIT");
        let values: Vec<&str> = told.facts.iter().map(|fact| fact.value.as_str()).collect();
        assert!(values.contains(&Address::repeat_byte(2).to_string().as_str()), "{values:?}");
        assert!(values.contains(&"2 AIT") && values.contains(&"3 AIT") && values.contains(&"24822"), "{values:?}");
    }

    #[test]
    fn a_site_is_named_and_its_risks_come_before_the_usual_one() {
        let grave = SheetRisk { severity: Severity::Grave, text: "It takes everything.".to_owned() };
        let what = What::Message { text: "hello".to_owned(), sign_in: Some("shop.example".to_owned()) };
        let told = told(sheet("https://shop.example", what, vec![grave.clone()]));
        assert_eq!(told.origin.as_deref(), Some("https://shop.example"));
        assert_eq!((told.title, told.message.as_deref()), (words::SHEET_SIGN_IN, Some("hello")));
        assert!(told.notice.unwrap().contains("shop.example"));
        assert_eq!((told.risks.len(), &told.risks[0]), (2, &grave));
    }
}
