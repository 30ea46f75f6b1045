#!/usr/bin/env python3
"""Makes a small Tryton 8.2 database that is ready to use, without a prompt.

    venv/bin/python setup_db.py --base DIR [--schema FILE]

Writes in --base: trytond.conf, erp.sqlite and seed.json (ids, log-ins and REST keys
for whoever talks to the server). All dates are relative to today in UTC, so a
database made today is good for today. Run by scripts/erp.sh; a test tool only, never
part of the product (proteus and trytond are loaded into this process).

What is in it: a company, two plants, two suppliers, four items with supplier
prices, two confirmed purchase orders, opening stock, an incoming inspection and a
production order; a user `portal` for the connector and a user `buyer` for tests that
play the buyer. Neither is an administrator.
"""
import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from datetime import date, timedelta
from decimal import Decimal as D
from pathlib import Path

MODULES = ['purchase', 'purchase_amendment', 'stock_lot', 'stock_lot_sled',
    'stock_split', 'production', 'production_routing', 'production_work',
    'production_split', 'quality']
# Of a database that lives on this machine for the length of a test.
PASSWORDS = {
    'admin': 'admin-Secret-1', 'portal': 'portal-Secret-1', 'buyer': 'buyer-Secret-1',
    'clerk': 'clerk-Secret-1'}
CONF = """\
[database]
uri = sqlite://
path = {base}
[web]
listen = 127.0.0.1:{port}
"""

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument('--base', required=True, type=Path)
parser.add_argument('--schema', type=Path,
    help='keep a copy of the empty database here, and start from it when it exists')
args = parser.parse_args()
args.base = args.base.resolve()
DATABASE = 'erp'
timing, started = {}, time.monotonic()


def lap(name):
    global started
    timing[name], started = round(time.monotonic() - started, 1), time.monotonic()


# 1. Configuration, schema and modules ---------------------------------------
args.base.mkdir(parents=True, exist_ok=True)
conf = args.base / 'trytond.conf'
conf.write_text(CONF.format(base=args.base, port=0))
passfile = args.base / 'admin.pass'
passfile.write_text(PASSWORDS['admin'] + '\n')
sqlite = args.base / f'{DATABASE}.sqlite'
for suffix in ['', '-wal', '-shm']:   # a stale WAL would be mixed into the new file
    Path(f'{sqlite}{suffix}').unlink(missing_ok=True)
if args.schema and args.schema.exists():
    shutil.copy(args.schema, sqlite)
else:
    sqlite.write_bytes(b'')           # trytond-admin wants the file to exist
    subprocess.run([
            str(Path(sys.executable).parent / 'trytond-admin'),
            '-c', str(conf), '-d', DATABASE, '-u', *MODULES,
            '--activate-dependencies', '--email', 'admin@example.com'],
        env={**os.environ, 'TRYTONPASSFILE': str(passfile)}, check=True)
    if args.schema:
        partial = args.schema.with_suffix('.partial')
        shutil.copy(sqlite, partial)
        partial.rename(args.schema)   # never half a file under the final name
lap('schema_s')

# 2. Data, with proteus in this process (no server needed) --------------------
from proteus import Model, Wizard, config as proteus_config  # noqa: E402

cfg = proteus_config.set_trytond(DATABASE, config_file=str(conf))
today = date.today()


def get(name):
    return Model.get(name)


def make(model, **values):
    record = get(model)(**values)
    record.save()
    return record


def ref(xml_id):                      # id of a record that a module ships
    return get('ir.model.data').get_id(xml_id, cfg.context)


# Currency and company
eur = make('currency.currency', name='Euro', code='EUR', symbol='€',
    numeric_code='978', rounding=D('0.01'), digits=2)
wizard = Wizard('company.company.config')
wizard.execute('company')
wizard.form.party = make('party.party', name='ACME Manufacturing')
wizard.form.currency = eur
wizard.execute('add')
cfg._context = get('res.user').get_preferences(True, {})
company, = get('company.company').find()

# Chart of accounts: without an expense account a purchase cannot make its invoice
wizard = Wizard('account.create_chart')
wizard.execute('account')
wizard.form.account_template = get('account.account.template')(
    ref('account.account_template_root_en'))
wizard.form.company = company
wizard.execute('create_account')
account = {kind: get('account.account').find([
            (f'type.{kind}', '=', True), ('company', '=', company.id),
            ('closed', '!=', True)], limit=1)[0]
    for kind in ['receivable', 'payable', 'expense', 'revenue']}
wizard.form.account_receivable = account['receivable']
wizard.form.account_payable = account['payable']
wizard.form.category_account_expense = account['expense']
wizard.form.category_account_revenue = account['revenue']
wizard.execute('create_properties')


# Users with the groups that they need and no more, each with a key for the REST API
def user(login, name, groups):
    employee = make('company.employee',
        party=make('party.party', name=name), company=company)
    person = get('res.user')(name=name, login=login)
    person.password = PASSWORDS[login]
    person.companies.append(get('company.company')(company.id))
    person.company = get('company.company')(company.id)
    person.employees.append(get('company.employee')(employee.id))
    person.employee = get('company.employee')(employee.id)
    for xml_id in groups:
        person.groups.append(get('res.group')(ref(xml_id)))
    person.save()
    return make('res.user.application', user=person, application='rest').key


buyer_groups = ['purchase.group_purchase',
    'purchase_amendment.group_purchase_amendment', 'stock.group_stock']
keys = {
    # Cancellation: a receipt or a report of the shop floor that was taken back.
    'portal': user('portal', 'Supplier portal', buyer_groups + [
            'production.group_production', 'stock.group_stock_cancellation']),
    'buyer': user('buyer', 'Bea Buyer', buyer_groups + [
            'production.group_production', 'quality.group_quality']),
    # May not amend: what a connection looks like whose user lacks a group.
    'clerk': user('clerk', 'Carl Clerk', ['purchase.group_purchase', 'stock.group_stock']),
    }

# Plants. The first warehouse is there already; HOLD lies beside its storage zone:
# what is there belongs to the plant, but no picking looks at it
Location = get('stock.location')
plant1, = Location.find([('type', '=', 'warehouse')])
plant1.name, plant1.code = 'Plant 1', 'P1'
plant1.save()
hold = make('stock.location', name='Quality hold', code='HOLD-P1',
    type='storage', parent=plant1)
# For what waits for its inspection, and for what was decided against
inspection, blocked = [
    make('stock.location', name=name, code=code, type='storage', parent=plant1)
    for name, code in [
        ('Quality inspection', 'INSP-P1'), ('Blocked stock', 'BLOCK-P1')]]
bin1 = make('stock.location', name='Bin 1', code='BIN-P1', type='storage',
    parent=plant1.storage_location)
zone = {kind: make('stock.location', name=f'Plant 2 {kind}', code=f'P2-{kind}',
        type='production' if kind == 'PROD' else 'storage')
    for kind in ['IN', 'STO', 'OUT', 'PROD']}
plant2 = make('stock.location', name='Plant 2', code='P2', type='warehouse',
    input_location=zone['IN'], storage_location=zone['STO'],
    output_location=zone['OUT'], production_location=zone['PROD'])
make('stock.location', name='Plant 2 quality hold', code='HOLD-P2',
    type='storage', parent=plant2)

# Suppliers
suppliers = []
for name, code in [('Alfa Castings', 'S-ALFA'), ('Beta Seals', 'S-BETA')]:
    party = get('party.party')(name=name, code=code)
    party.addresses[0].street, party.addresses[0].city = 'Via Roma 1', 'Torino'
    party.contact_mechanisms.new(
        type='email', value=f'orders@{code.lower()}.example')
    party.save()
    suppliers.append(party)
alfa, beta = suppliers

# Items: three that are bought (SEAL by lot) and one that is made
category = make('product.category', name='Accounting', accounting=True,
    account_expense=account['expense'], account_revenue=account['revenue'])
unit, kg = [get('product.uom')(ref(f'product.{name}'))
    for name in ['uom_unit', 'uom_kilogram']]
LOT_TYPES = ['supplier', 'customer', 'storage', 'production', 'lost_found']


def item(code, name, uom, cost, lots=False, **values):
    template = get('product.template')(
        name=name, code=code, type='goods', default_uom=uom,
        account_category=category, list_price=cost * 3, **values)
    if lots:
        template.lot_required = LOT_TYPES
    template.products[0].cost_price = cost
    template.save()
    return template.products[0]


steel = item('RM-STEEL', 'Steel bar', kg, D('2.5'), purchasable=True)
bracket = item('CMP-BRACKET', 'Bracket', unit, D('4'), purchasable=True)
seal = item('CMP-SEAL', 'Seal', unit, D('1.2'), lots=True, purchasable=True,
    shelf_life_state='optional')
pump = item('FG-PUMP', 'Pump', unit, D('12'), lots=True, producible=True)

# Supplier prices, with a quantity break
supplier_items = {}
for party, product, code, days, prices in [
        (alfa, steel, 'ALF-100', 10, [(0, '2.60'), (500, '2.40')]),
        (alfa, bracket, 'ALF-200', 14, [(0, '4.10')]),
        (beta, seal, 'BET-9', 7, [(0, '1.25'), (1000, '1.05')])]:
    supplier = get('purchase.product_supplier')(
        template=product.template, product=product, party=party, code=code,
        currency=eur, lead_time=timedelta(days=days))
    for quantity, price in prices:
        supplier.prices.new(quantity=quantity, unit_price=D(price))
    supplier.save()
    supplier_items[code] = supplier.id

# Opening stock: enough for one production, in the storage zone of plant 1
lot0 = make('stock.lot', number='SEAL-0001', product=seal)
inventory = get('stock.inventory')(location=plant1.storage_location)
for product, quantity, lot in [
        (steel, 100, None), (bracket, 60, None), (seal, 40, lot0)]:
    line = inventory.lines.new(product=product, quantity=quantity)
    line.lot = lot
inventory.click('confirm')

# Incoming inspection of seals: needed before a shipment with seals is received
control = get('quality.control')(name='Incoming seal', product=seal,
    operations=['stock.shipment.in:receive'])
control.points.new(name='visual', string='Visual', type_='boolean')
control.points.new(name='diameter_mm', string='Diameter', type_='float',
    tolerance_lower=9.9, tolerance_upper=10.1)
control.save()

# Two purchases, confirmed (Tryton moves them on to "processing" and makes one
# incoming stock move per line)
purchases = []
for party, lines in [
        (alfa, [(bracket, 100, 14), (bracket, 150, 28), (steel, 500, 21)]),
        (beta, [(seal, 400, 10), (seal, 600, 24)])]:
    purchase = get('purchase.purchase')(party=party, warehouse=plant1)
    purchase.invoice_method = 'fulfillment'   # invoice what was received
    for product, quantity, days in lines:
        line = purchase.lines.new()
        line.product = product              # finds the supplier's item code
        line.quantity = quantity            # finds the supplier's price
        line.delivery_date_edit = True
        line.delivery_date = today + timedelta(days=days)
    for button in ['quote', 'confirm']:
        purchase.click(button)
    purchases.append(purchase)

# BOM (1 pump = 2 brackets + 1 seal + 0.5 kg steel), one-step routing, and an order
# for 10 pumps whose components are reserved
bom = get('production.bom')(name='Pump')
for product, quantity in [(bracket, 2), (seal, 1), (steel, 0.5)]:
    bom.inputs.new(product=product, quantity=quantity)
bom.outputs.new(product=pump, quantity=1)
bom.save()
work_category = make('production.work.center.category', name='Assembly')
center = make('production.work.center', name='Line 1', category=work_category,
    warehouse=plant1)
routing = get('production.routing')(name='Pump')
routing.boms.append(get('production.bom')(bom.id))
routing.steps.new(operation=make('production.routing.operation',
        name='Assemble', work_center_category=work_category))
routing.save()
pump.boms.append(get('product.product-production.bom')(bom=bom, routing=routing))
pump.save()
production = get('production')(product=pump, bom=bom, warehouse=plant1,
    planned_date=today + timedelta(days=3))
production.quantity = 10
production.routing, production.work_center = routing, center
production.click('wait')
for move in production.inputs:
    if move.product == seal:
        move.lot = lot0
        move.save()
production.click('assign_try')
lap('data_s')

# 3. What a test needs to know ------------------------------------------------
seed = {
    'database': DATABASE, 'company': company.id, 'currency': eur.id,
    'key': keys['portal'], 'buyer_key': keys['buyer'], 'clerk_key': keys['clerk'],
    'logins': {login: [login, password] for login, password in PASSWORDS.items()},
    'units': {'u': unit.id, 'kg': kg.id},
    'suppliers': {party.code: {'id': party.id, 'address': party.addresses[0].id}
        for party in suppliers},
    'supplier_items': supplier_items,
    'items': {product.code: product.id for product in [steel, bracket, seal, pump]},
    'plants': {'P1': plant1.id, 'P2': plant2.id},
    'hold': hold.id, 'storage': plant1.storage_location.id, 'lot': lot0.id,
    'zones': {'P1': plant1.storage_location.id, 'P2': zone['STO'].id},
    'bin': bin1.id,
    'purchases': {purchase.number: {
            'id': purchase.id, 'lines': [line.id for line in purchase.lines]}
        for purchase in purchases},
    'production': production.id, 'timing': timing,
    }
(args.base / 'seed.json').write_text(json.dumps(seed, indent=1) + '\n')
