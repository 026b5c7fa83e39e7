"""Accounts, payments and days that several tests of payment files use."""

from __future__ import annotations

from datetime import date

from ledger.payout.account import IbanAccount, JapaneseAccount
from ledger.payout.bank_calendar import bundled_calendar
from ledger.payout.line import PayoutLine
from ledger.payout.zengin import Originator
from ledger.payout.zengin_order import TransferDay

PAYER = JapaneseAccount("9999", "ﾃｽﾄｷﾞﾝｺｳ", "998", "ﾎﾝﾃﾝ", "1", "9000001", "ｷﾖｳｼﾞﾖｷﾖｳﾄﾞｳｸﾐｱｲ")
ORIGINATOR = Originator("9900000001", PAYER)
BUS = JapaneseAccount("9999", "ﾃｽﾄｷﾞﾝｺｳ", "001", "ｼﾃﾝ", "1", "1234567", "ｶ)ﾏﾙﾉｳﾁｺｳﾂｳ")
EV = JapaneseAccount("9999", "ﾃｽﾄｷﾞﾝｺｳ", "002", "ｼﾃﾝ", "4", "0345678", "ﾕ)ｶｶﾞﾊﾞｽ")
DEBTOR = IbanAccount("DE89370400440532013000", "COBADEFFXXX", "Kyojo Genossenschaft eG")
HAMBURG = IbanAccount("NL91ABNA0417164300", "", "Fietsen Café & Zonen")

BUS_LINE = PayoutLine("202610-39734665f73b3a62e9a8c207fa56", "bus", "JPY", 333_334, "2026-10")
EV_LINE = PayoutLine("202610-b0e1d9c0d2a1c28e0c5fd33ae3c6", "ev", "JPY", 666_666, "2026-10")
DAY = TransferDay(date(2026, 11, 30), date(2026, 11, 27), bundled_calendar())
PAYMENTS = [(BUS_LINE, BUS), (EV_LINE, EV)]
