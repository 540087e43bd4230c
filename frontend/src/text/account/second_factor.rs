//! Words about the second factor of an account.

pub const TITLE: &str = "Second factor";
pub const NOTE: &str = "An authenticator app on another device shows a new code every 30 seconds. With it, signing in takes your wallet and a code, so that a stolen wallet alone is no account here. It does not guard your AIT: who has the key moves it without this site.";
pub const BEGIN: &str = "Set up an authenticator app";
pub const SCAN: &str = "Scan this with the app.";
pub const QR_LABEL: &str = "The secret as a QR code";
pub const TYPE_INSTEAD: &str = "Or type this into it. It is shown this once.";
pub const FIRST_CODE_HELP: &str = "The six digits that the app shows now. Your other sessions end then.";
pub const CONFIRM: &str = "Turn it on";
pub const CANCEL: &str = "Cancel";

pub const RECOVERY_TITLE: &str = "Keep these recovery codes";
pub const RECOVERY_DETAIL: &str = "Each stands for a code of the app once, for the day when you have lost it. They are shown this once; the server keeps hashes of them only.";
pub const RECOVERY_DONE: &str = "I have kept them";

pub const ON_SINCE: &str = "On since";
pub const CODES_LEFT: &str = "Recovery codes left";
pub const CODES_LEFT_HELP: &str = "For new ones, turn it off and on again.";
pub const LAST_CODE_HELP: &str = "A code of the app, or a recovery code.";
pub const TURN_OFF: &str = "Turn it off";

pub const ASKED_TITLE: &str = "Enter a code";
pub const ASKED_FACT: &str = "Your wallet has signed in. This account also asks for a code of your authenticator app.";
pub const ACCOUNT: &str = "Account";
pub const CODE: &str = "Code";
pub const CODE_HELP: &str = "The six digits that the app shows now, or a recovery code. Each counts once.";
pub const GIVE: &str = "Sign in";
pub const NOT_NOW: &str = "Sign out";
pub const NEEDS_SCRIPT: &str = "Giving a code needs JavaScript.";
