//! What all parts of the wallet page share.

use leptos::prelude::*;
use shared::Address;
use wallet::protocol::{AccountView, NewWords, Reply, Request, VaultState, WalletView};

use crate::text::wallet as words;

#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(not(feature = "hydrate"), expect(dead_code, reason = "a worker starts or fails in the browser only"))]
pub(super) enum Stage {
    Starting,
    /// The wallet cannot be used, and why.
    Broken(String),
    Ready,
}

/// The tabs. Each has an address of its own, so that the browser's way back works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum View {
    Accounts,
    Send,
    Receive,
    Activity,
    Security,
    Connections,
}

impl View {
    pub(super) const TABS: [(Self, &'static str); 6] = [
        (Self::Accounts, words::TAB_ACCOUNTS),
        (Self::Send, words::TAB_SEND),
        (Self::Receive, words::TAB_RECEIVE),
        (Self::Activity, words::TAB_ACTIVITY),
        (Self::Security, words::TAB_SECURITY),
        (Self::Connections, words::TAB_CONNECTIONS),
    ];

    pub(super) const fn hash(self) -> &'static str {
        match self {
            Self::Accounts => "#accounts",
            Self::Send => "#send",
            Self::Receive => "#receive",
            Self::Activity => "#activity",
            Self::Security => "#security",
            Self::Connections => "#connections",
        }
    }

    #[cfg_attr(not(feature = "hydrate"), expect(dead_code, reason = "only a browser knows the address behind #"))]
    fn of_hash(hash: &str) -> Self {
        Self::TABS.into_iter().map(|(view, _)| view).find(|view| view.hash() == hash).unwrap_or(Self::Accounts)
    }
}

/// Behind the page's address it makes the first wallet; the first page links so.
#[cfg(feature = "hydrate")]
const NEW_WALLET_HASH: &str = "#new";

/// How far a wallet that is being added is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Adding {
    Choose,
    Create,
    Import,
    /// The words are on the screen.
    Words(NewWords),
    /// The page asks for some of them.
    Confirm(NewWords),
}

#[derive(Clone, Copy)]
pub(super) struct Wallet {
    pub(super) stage: RwSignal<Stage>,
    pub(super) vault: RwSignal<VaultState>,
    pub(super) view: RwSignal<View>,
    pub(super) adding: RwSignal<Option<Adding>>,
    /// The account that is shown and sends.
    pub(super) chosen: RwSignal<Option<Address>>,
    pub(super) error: RwSignal<Option<String>>,
    pub(super) busy: RwSignal<bool>,
    /// This browser can ask passkeys here.
    pub(super) offers_passkeys: RwSignal<bool>,
    /// Counts the blocks that came while the page is open.
    pub(super) heads: RwSignal<u32>,
    /// Keys and chain were made for development.
    pub(super) dev: bool,
}

impl Wallet {
    pub(super) fn new(dev: bool) -> Self {
        Self {
            stage: RwSignal::new(Stage::Starting),
            vault: RwSignal::new(VaultState::default()),
            view: RwSignal::new(View::Accounts),
            adding: RwSignal::new(None),
            chosen: RwSignal::new(None),
            error: RwSignal::new(None),
            busy: RwSignal::new(false),
            offers_passkeys: RwSignal::new(false),
            heads: RwSignal::new(0),
            dev,
        }
    }

    pub(super) fn is_empty(self) -> bool {
        self.vault.with(|vault| vault.wallets.is_empty())
    }

    pub(super) fn is_unlocked(self) -> bool {
        self.vault.with(|vault| vault.unlocked)
    }

    /// The shown account with its wallet.
    pub(super) fn shown(self) -> Option<(WalletView, AccountView)> {
        let chosen = self.chosen.get();
        self.vault.with(|vault| {
            let mut accounts = vault.accounts();
            accounts
                .find(|(_, account)| Some(account.address) == chosen)
                .map(|(wallet, account)| (wallet.clone(), account.clone()))
        })
    }

    /// Begins another part of the page, without the error of the last one.
    pub(super) fn step(self, adding: Option<Adding>) {
        self.error.set(None);
        self.adding.set(adding);
    }

    /// A wallet was added: its first account is shown.
    pub(super) fn added(self) {
        let newest = self.vault.with_untracked(|vault| {
            vault.wallets.last().and_then(|wallet| wallet.accounts.first()).map(|account| account.address)
        });
        self.chosen.set(newest);
        self.step(None);
        self.view.set(View::Accounts);
        #[cfg(feature = "hydrate")]
        crate::browser::set_hash(View::Accounts.hash());
    }

    pub(super) fn ask(self, request: Request) {
        self.ask_then(request, |_| ());
    }

    /// Asks the wallet. A new state is taken over at once; every reply goes to `on_reply` as well.
    pub(super) fn ask_then(self, request: Request, on_reply: impl FnOnce(Reply) + 'static) {
        self.begin();
        #[cfg(feature = "hydrate")]
        crate::browser::wallet_client::ask(request, move |answer| self.answered(answer, on_reply));
        #[cfg(not(feature = "hydrate"))]
        drop((request, on_reply));
    }

    /// Something that the reader asked for begins.
    pub(super) fn begin(self) {
        self.error.set(None);
        self.busy.set(true);
    }

    /// Hands what a passkey answered over to the wallet.
    #[cfg(feature = "wallet-page")]
    pub(super) fn hand_over(
        self,
        answered: Result<crate::browser::passkeys::Answered, String>,
        request: impl FnOnce(shared::Bytes) -> Request,
    ) {
        use crate::browser::{passkeys::Answered, wallet_client};

        match answered {
            Ok(Answered { credential_id, output }) => {
                let request = request(credential_id);
                wallet_client::ask_with(request, Some(output), move |answer| self.answered(answer, |_| ()));
            }
            Err(detail) => {
                self.busy.set(false);
                self.error.set(Some(detail));
            }
        }
    }

    /// Asks without holding up the page's buttons; for what the page looks at by itself.
    pub(super) fn look(self, request: Request, on_answer: impl FnOnce(Result<Reply, String>) + 'static) {
        #[cfg(feature = "hydrate")]
        crate::browser::wallet_client::ask(request, move |answer| on_answer(answer.map_err(|error| error.text())));
        #[cfg(not(feature = "hydrate"))]
        drop((request, on_answer));
    }

    /// Shows the state, and follows what changes it: other tabs, the lock, new blocks, the address.
    pub(super) fn start(self) {
        self.ask_then(Request::State, move |_| {
            #[cfg(feature = "hydrate")]
            self.begin_if_linked();
        });
        #[cfg(feature = "wallet-page")]
        crate::browser::passkeys::offered(move |is| self.offers_passkeys.set(is));
        #[cfg(feature = "hydrate")]
        {
            use crate::browser;

            let follow = move || self.view.set(View::of_hash(&browser::hash()));
            follow();
            browser::on_hash_change(move || {
                self.error.set(None);
                follow();
            });
            browser::wallet_client::watch(move || self.refresh());
            browser::heads::watch(move || self.heads.update(|heads| *heads = heads.wrapping_add(1)));
        }
    }

    /// Who has no wallet and comes by a link that makes one is asked for its password at once.
    #[cfg(feature = "hydrate")]
    fn begin_if_linked(self) {
        if crate::browser::hash() == NEW_WALLET_HASH && self.vault.with_untracked(|vault| vault.wallets.is_empty()) {
            self.step(Some(Adding::Create));
        }
    }

    #[cfg(feature = "hydrate")]
    fn refresh(self) {
        crate::browser::wallet_client::ask(Request::State, move |answer| {
            if let Ok(Reply::State(vault)) = answer {
                self.took(vault);
            }
        });
    }

    #[cfg(feature = "hydrate")]
    fn answered(self, answer: Result<Reply, crate::browser::wallet_client::AskError>, on_reply: impl FnOnce(Reply)) {
        use crate::browser::wallet_client::AskError;
        use wallet::protocol::Refusal;

        self.busy.set(false);
        match answer {
            Ok(reply) => {
                if let Reply::State(vault) = &reply {
                    self.took(vault.clone());
                }
                on_reply(reply);
            }
            Err(error)
                if error == AskError::WorkerFailed || self.stage.with_untracked(|stage| *stage == Stage::Starting) =>
            {
                self.stage.set(Stage::Broken(error.text()));
            }
            Err(error) => {
                self.error.set(Some(error.text()));
                if matches!(error, AskError::Refused(Refusal::ChangedElsewhere | Refusal::Locked)) {
                    self.refresh();
                }
            }
        }
    }

    #[cfg(feature = "hydrate")]
    fn took(self, vault: VaultState) {
        let first = vault.accounts().next().map(|(_, account)| account.address);
        let chosen = self.chosen.get_untracked();
        if !vault.accounts().any(|(_, account)| Some(account.address) == chosen) {
            self.chosen.set(first);
        }
        if self.vault.with_untracked(|shown| *shown != vault) {
            self.vault.set(vault);
        }
        self.stage.set(Stage::Ready);
    }
}
